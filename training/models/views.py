"""What became of the feature views that a model learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from headrace.errors import DefinitionError, ModelError
from headrace.registry.store import Registry, ViewVersion
from headrace.training.models.difference import differences

#: So many changes of a view are told in an error; `headrace model diff` and `headrace diff` tell all.
TOLD = 5


def check_names(names: object, at: str) -> tuple[str, ...]:
    """The names of the feature views that are declared to have made rows: the option `features` of a model's class.

    Raises DefinitionError, beginning with a place, for what is no list of names.

    >>> check_names(["flights"], "model.py:8: training Late")
    ('flights',)
    >>> check_names("flights", "model.py:8: training Late")
    Traceback (most recent call last):
    headrace.errors.DefinitionError: model.py:8: training Late: features: expected a list of names ..., found 'flights'
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
        msg = f"{at}: features: expected a list of names of feature views, such as ['flights'], found {names!r}"
        raise DefinitionError(msg)
    return tuple(names)


def version_in_force(views: Registry, project: str, view: str) -> str | None:
    """The fingerprint of a view's version that serves, or of the newest one where none does; None: it has none."""
    pointer = views.pointer(project, view)
    versions = views.versions(project, view)
    return pointer.version if pointer else versions[-1].version if versions else None


def changed_views(views: Registry, project: str, known: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Of views by their fingerprints those that are not in force any more: expected, found, and what changed."""
    changed: dict[str, dict[str, Any]] = {}
    for view, version in known.items():
        found = version_in_force(views, project, view)
        if found != version:
            changes = _changes(views, project, view, version, found)
            changed[view] = {"expected": version, "found": found, "changes": changes}
    return changed


def fingerprints(views: Registry, project: str, names: Iterable[str]) -> dict[str, str]:
    """The fingerprint of each of some views that is in force. NotFoundError, with a suggestion, for one without any."""
    found = {name: version_in_force(views, project, name) for name in names}
    for name, version in found.items():
        if version is None:
            views.check_view(project, name)
    return {name: version for name, version in found.items() if version is not None}


def check_unchanged(views: Registry, project: str, known: Mapping[str, str], who: str) -> None:
    """Refuse what learned from views that have changed since; of views that the project does not have nothing is said.

    Raises:
        ModelError: a view has changed; the first changes are told.
    """
    changed = [(view, one) for view, one in changed_views(views, project, known).items() if one["found"] is not None]
    for view, one in changed:
        told = "; ".join(f"{c['name']}: {c['left']!r} became {c['right']!r}" for c in one["changes"][:TOLD])
        more = f" and {len(one['changes']) - TOLD} more" if len(one["changes"]) > TOLD else ""
        msg = f"{who} learned from view {view} as {one['expected']}, and {one['found']} is in force: "
        msg += f"{told or 'the plan it learned from is not registered'}{more}; serve that version again, or train anew"
        raise ModelError(msg)


def _changes(views: Registry, project: str, view: str, expected: str, found: str | None) -> list[dict[str, Any]]:
    """What became of a view between two versions; nothing where one of them is not known."""
    known: dict[str | None, ViewVersion] = {one.version: one for one in views.versions(project, view)}
    before, after = known.get(expected), known.get(found)
    if before is None or after is None:
        return []
    return [asdict(one) for one in differences("view", before.plan, after.plan)]
