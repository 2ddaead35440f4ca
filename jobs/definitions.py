"""Picks a view or a source out of a feature file, for the commands that take one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from headrace.compiler.build import judged_by, plan_view
from headrace.compiler.label_join import LabelJoinPlan, plan_label_join
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.errors import DefinitionError, NotFoundError, UnsupportedError, did_you_mean
from headrace.features.load import load_label_joins, load_views
from headrace.features.view import View

T = TypeVar("T")


def view_plan(file: Path, name: str = "") -> ViewPlan:
    """The plan of a file's view.

    Raises:
        DefinitionError: the file is wrong, has no such view, or has several and none was named.
    """
    return plan_view(view_of(file, name))


def view_of(file: Path, name: str = "", feature: str | None = None) -> View:
    """A file's view as written, whole or with one of its features.

    Raises:
        DefinitionError: the file is wrong, has no such view, or has several and none was named.
        NotFoundError: the view has no such feature.
        UnsupportedError: the feature has other values where the view has no other features.
    """
    view = _one(load_views(file).views, name, "view", file)
    if feature is None:
        return view
    features = {one.name: one for one in view.features}
    on_demand = {one.name: one for one in view.on_demand}
    if feature in on_demand:
        return replace(view, features=(), on_demand=(on_demand[feature],))
    if feature not in features:
        msg = f"view {view.name}: no feature {feature!r}; {did_you_mean(feature, [*features, *on_demand])}"
        raise NotFoundError(msg)
    alone = replace(view, features=(features[feature],), on_demand=())
    if judged_by(alone) != judged_by(view):
        msg = f"view {view.name}: which rows count for {feature} depends on what other features read, so alone it is "
        msg += "another plan; print the whole view: headrace sql all"
        raise UnsupportedError(msg)
    return alone


def source_plan(file: Path, name: str = "") -> SourcePlan:
    """The plan of a file's source; a union has no rows of its own, but its sources have.

    Raises:
        DefinitionError: the file is wrong, has no such source, or has several and none was named.
    """
    plans = [part for view in load_views(file).views.values() for part in plan_view(view).source.parts]
    return _one({plan.name: plan for plan in plans}, name, "source", file)


def label_join_plan(file: Path, name: str = "") -> LabelJoinPlan:
    """The plan of a file's label join.

    Raises:
        DefinitionError: the file is wrong, has no such label join, or has several and none was named.
    """
    plans = {found: plan_label_join(found, join) for found, join in load_label_joins(file).items()}
    return _one(plans, name, "join", file)


def _one(found: Mapping[str, T], name: str, kind: str, file: Path) -> T:
    if name in found:
        return found[name]
    if name:
        msg = f"{file}: no {kind} {name!r}; {did_you_mean(name, found)}"
        raise DefinitionError(msg)
    if len(found) != 1:
        msg = f"{file}: has {len(found)} {kind}s ({_list(found)}); name one with --{kind}"
        raise DefinitionError(msg)
    return next(iter(found.values()))


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
