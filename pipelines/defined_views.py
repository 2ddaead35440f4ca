"""The views that somebody names in Python: by a feature file, or by what a notebook has defined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.errors import RequestError
from headrace.features.load import load_views
from headrace.features.view import FeaturePipeline, View

#: A feature file, a subclass of FeaturePipeline, or the view of one.
FeatureDefinitions = str | Path | type[FeaturePipeline] | View


def defined_views(definitions: FeatureDefinitions) -> dict[str, View]:
    """The views of a feature file, or the one of a class, by name.

    Raises:
        DefinitionError: the file is wrong, or defines no view.
        RequestError: it is neither, or an abstract class, which has no view.
    """
    if isinstance(definitions, str | Path):
        return load_views(definitions).views
    found = vars(definitions).get("view") if _is_pipeline(definitions) else definitions
    if isinstance(found, View):
        return {found.name: found}
    wrong = f"found {definitions!r}" + (", which is abstract" if _is_pipeline(definitions) else "")
    msg = f"definitions: expected the path of a feature file, a subclass of FeaturePipeline or its `.view`, {wrong}"
    raise RequestError(msg)


def view_plans(definitions: FeatureDefinitions) -> dict[str, ViewPlan]:
    """The plans of the views that are defined, by name; errors are those of `defined_views`."""
    return {name: plan_view(view) for name, view in defined_views(definitions).items()}


def _is_pipeline(definitions: Any) -> bool:
    """Whether something is a class of features, defined or abstract."""
    return isinstance(definitions, type) and issubclass(definitions, FeaturePipeline)
