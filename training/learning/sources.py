"""What a source names, a table or a training set, and the versions of the feature views that made its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.errors import DatasetError, UserFunctionError, did_you_mean
from headrace.registry.training_sets import TrainingSetRecord, TrainingSetRegistry
from headrace.runtime.platform import Platform
from headrace.training.data.snapshot import Snapshot
from headrace.training.models.views import fingerprints


def snapshot_of(platform: Platform, source: str) -> Snapshot:
    """The rows of a table, perhaps at a snapshot, or of a training set. NotFoundError when it is not there."""
    if _is_table(source):
        return Snapshot.named(platform.iceberg, source)
    return Snapshot.of_training_set(platform.iceberg, _training_set(platform, source))


def versions_of(platform: Platform, source: str, views: Sequence[str]) -> dict[str, str]:
    """The version of each feature view that made the rows of a source.

    Of a table, and where no source is named, these are the named views, as they are in force now; a training set
    knows its own.

    Raises:
        NotFoundError: there is no such view, or training set.
        DatasetError: the training set has no feature of a named view.
    """
    if _is_table(source) or not source:
        return fingerprints(platform.registry, platform.settings.project, views) if views else {}
    found = {one["view"]: one["version"] for one in _training_set(platform, source).definition["features"]}
    for view in views:
        if view not in found:
            msg = f"training set {source!r} has no features of view {view!r}, which `features` names; "
            raise DatasetError(msg + did_you_mean(view, found))
    return found


def check_versions(found: object, at: str) -> dict[str, str]:
    """What a user's own step says of feature views; UserFunctionError, beginning with a place, for anything else.

    >>> check_versions({"flights": 3}, "model.py:8: training Late")
    Traceback (most recent call last):
    headrace.errors.UserFunctionError: model.py:8: training Late: step 'feature_versions' gave {'flights': 3}; ...
    """
    if isinstance(found, Mapping) and all(isinstance(one, str) for pair in found.items() for one in pair):
        return dict(found)
    msg = f"{at}: step 'feature_versions' gave {found!r}; expected the version of each feature view by its name, "
    raise UserFunctionError(msg + "such as {'flights': '0a1b2c3d'}")


def _is_table(source: str) -> bool:
    """Whether a source is a table, and no training set's id."""
    return "." in source


def _training_set(platform: Platform, id_: str) -> TrainingSetRecord:
    return TrainingSetRegistry(platform.settings.registry_url).get(platform.settings.project, id_)
