"""Whether a version can be made again, by what is kept of how it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.registry.model_facts import ModelVersion
from headrace.training.data.filter_json import UNKNOWN
from headrace.training.models.own_code import DEFINITION, named_modules

#: The kinds of a training, among what a version keeps: over a pinned snapshot, on from a version, and from a stream.
FULL, LEARNED_ON, STREAM = "full", "learned_on", "stream"
#: Under which the training of a version from a topic keeps the Iceberg table that its source declares as its archive.
ARCHIVE = "archive"
#: What a full training has recorded, without which it cannot be made again.
_TRAINED = ("definition", "device", "overridden")
#: The same of each kind of training; somebody who registers a version by hand may have left it out.
RECORDED: Mapping[str, tuple[str, ...]] = {
    FULL: _TRAINED,
    LEARNED_ON: (*_TRAINED, "after"),
    STREAM: ("run", "step", "source", "topic", "schema", "learner", "places", "given"),
}
#: Why no version of a run is made again whose rows are told from each other by nothing.
NO_POSITIONS = "its rows have no positions, so that no micro-batch can be given again; declare `places`, columns that "
NO_POSITIONS += "say where a row came from, for the next run"


def why_not(version: ModelVersion) -> str:
    """Why a version cannot be made again; empty where nothing that is kept of it speaks against it."""
    training, only = version.facts.training, "only what `headrace train` and `headrace learn` register knows that"
    needed = RECORDED.get(str(training.get("kind")))
    if needed is None:
        return f"how it was trained is not recorded, so that it cannot be made again; {only}"
    lacking = [name for name in needed if name not in training]
    if training["kind"] != STREAM and len(version.facts.snapshots) != 1:
        lacking.append("the one snapshot that it read")
    if training["kind"] == LEARNED_ON and version.facts.parent is None:
        lacking.append("its parent")
    if lacking:
        what = ", ".join(lacking)
        return f"how it was trained is recorded without {what}, so that it cannot be made again; {only}"
    own = version.facts.own_code
    # Own code may be the modules that the version names alone, where its class has no file, as of a notebook.
    if (own is None or DEFINITION not in own.entries) and (needs := list(_of_its_file(training))):
        said = "and which code of your own that was is not recorded, so that nothing tells whether a file is it"
        return f"{' and '.join(needs)}, {said}; train it again from a file"
    return f"run {training['run']}: {NO_POSITIONS}" if not training.get("places", True) else ""


def rebuildable(version: ModelVersion) -> str:
    """Whether a version can be made again, in words: `yes`, perhaps with what is to be given, or why not.

    What it names is not looked for: a snapshot, rows or a parent's files may be gone.
    """
    if why := why_not(version):
        return f"no: {why}"
    return "; ".join(["yes", *_to_give(version)])


def _to_give(version: ModelVersion) -> Iterator[str]:
    """What `headrace model rebuild` is to be given of a version, each with the reason."""
    training, own = version.facts.training, version.facts.own_code
    yield from (f"with --file: {what}" for what in _of_its_file(training))
    named = set(named_modules([training.get("definition"), training.get("learner")]))
    if modules := sorted(named & (set() if own is None else own.entries.keys())):
        yield f"with --file, or {', '.join(modules)} importable"
    if training.get("topic") and not training.get(ARCHIVE):
        yield "with --archive: its source declares none"


def _of_its_file(training: Mapping[str, Any]) -> Iterator[str]:
    """What nothing but the file has that declared a version."""
    if training.get("overridden"):
        yield f"its class overrides {', '.join(training['overridden'])}"
    if _has_own_filters(training):
        yield "it has filters of a class of your own"


def _has_own_filters(training: Mapping[str, Any]) -> bool:
    splits = training.get("definition", {}).get("splits", {})
    return any(one["is"] == UNKNOWN for filters in splits.values() for one in filters)
