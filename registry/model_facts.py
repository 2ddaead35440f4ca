"""What is known of a model: the facts of its versions and candidates, checked when they are stated."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from headrace.errors import ModelError

#: `@` stands between a model and its version where both are named.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
#: Numbers of up to nine digits are what a database's INTEGER holds.
VERSION_NAME = re.compile(rf"({NAME.pattern})@([1-9][0-9]{{0,8}})")
#: So much text names the rows of an evaluation; they are part of a key, which databases limit.
LONGEST_ROWS = 200
#: What a database's BIGINT holds.
LARGEST = 2**63 - 1
SHA256 = re.compile(r"[0-9a-f]{64}")
#: Among how a version was trained, the hashes of the user's own files that declared and taught it, by module.
OWN_CODE = "own_code"


def _now() -> datetime:
    # Not the database's own: values load nothing of it, so that commands which print them start at once.
    return datetime.now(UTC)


@dataclass(frozen=True)
class Inventory:
    """What stands behind a hash: the hash or version of each source file, or of each installed package, by name.

    >>> Inventory({"torch": "2.15.0"}).hash == Inventory({"torch": "2.15.0"}).hash
    True
    """

    entries: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the entries as sorted JSON."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def text(self) -> str:
        """The entries as sorted JSON."""
        return json.dumps(dict(self.entries), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a version was made of, and how well it did; the origin of a model.

    Attributes:
        artifact: address of its files.
        code, environment: hashes of the `Inventory` of source files and of installed packages.
        features: fingerprint of each feature view that it reads.
        snapshots: snapshot id of each table that it learned from.
        offsets: for each `topic-partition` that it learned from the first offset, and the one after the last.
        label_cutoff: labels were used that were known by then; None where it had none.
        rows_seen: visits of rows, its parents' not counted.
        metrics: numbers by `set/metric` or `set/metric/slice`, such as `recent/log_loss/carrier=UA`.
        evaluated: for each such set, which rows it was; metrics of one set compare only over the same rows.
        parent: the name of the version whose weights it started from, of this model or another of the project.
        training: how it was trained, as plain values: all that `rebuild` needs besides the data, and the gates that its
            definition declares (`kept_gates`); empty: not known.

    Raises:
        ModelError: a value is not plain, a hash is none, a metric is not finite, its set is not in `evaluated`, offsets
            run backwards, a time has no zone, a count is negative, the parent is no version's name.
    """

    artifact: str
    code: str
    environment: str
    features: Mapping[str, str] = field(default_factory=dict)
    snapshots: Mapping[str, int] = field(default_factory=dict)
    offsets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    label_cutoff: datetime | None = None
    seed: int | None = None
    rows_seen: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluated: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("features", "snapshots", "offsets", "evaluated", "training"):
            check_json(name, getattr(self, name))
        _check_hashes(self)
        _check_offsets(self.offsets)
        _check_metrics(self.metrics, self.evaluated)
        _check_rows(self.evaluated)
        _check_counts(self)
        _check_parent(self.parent)
        if self.label_cutoff is not None and self.label_cutoff.tzinfo is None:
            msg = f"label_cutoff: expected an instant with a zone, found {self.label_cutoff!r}"
            raise ModelError(msg)

    @property
    def own_code(self) -> Inventory | None:
        """The user's own files that declared and taught it, by module; None where they are not known.

        >>> Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64).own_code is None
        True
        """
        entries = self.training.get(OWN_CODE)
        return Inventory(entries) if entries else None

    def of_set(self, name: str) -> dict[str, float]:
        """The metrics of one evaluation set, without its name in front.

        >>> facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64,
        ...     metrics={"recent/log_loss": 0.5}, evaluated={"recent": "flights@7, August"})
        >>> facts.of_set("recent")
        {'log_loss': 0.5}
        """
        return {key.partition("/")[2]: value for key, value in self.metrics.items() if key.startswith(f"{name}/")}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a version did on some rows, measured after it was registered.

    Attributes:
        set: the name of the evaluation set, such as `recent`.
        rows: which rows it was, as `Facts.evaluated` names them.
        metrics: numbers by `metric` or `metric/slice`.
    """

    set: str
    rows: str
    metrics: Mapping[str, float]

    def __post_init__(self) -> None:
        _check_metrics({f"{self.set}/{name}": value for name, value in self.metrics.items()}, [self.set])
        _check_rows({self.set: self.rows})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint of a trainer, which becomes a version only at a gate.

    Attributes:
        trainer: what learned it, by a name that stays the same from start to start.
    """

    model: str
    trainer: str
    facts: Facts
    created_at: datetime = field(default_factory=_now, compare=False)

    def __post_init__(self) -> None:
        check_name("model", self.model)
        check_name("trainer", self.trainer)

    @property
    def key(self) -> dict[str, Any]:
        """What names a candidate within a project; the same again is the same candidate."""
        return {
            "model": self.model,
            "trainer": self.trainer,
            "artifact": self.facts.artifact,
            "rows_seen": self.facts.rows_seen,
        }


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version. `number` counts from 1; `trainer`: that of the candidate which it was, if it was one."""

    model: str
    number: int
    facts: Facts
    creator: str
    trainer: str | None = None
    created_at: datetime = field(default_factory=_now, compare=False)

    @property
    def name(self) -> str:
        """The version as commands name it, such as `flight_delays@3`."""
        return f"{self.model}@{self.number}"


def check_name(what: str, name: str) -> None:
    """Raise ModelError unless a model or trainer can have this name.

    >>> check_name("model", "flight_delays")
    """
    if not NAME.fullmatch(name):
        msg = f"{what} {name!r}: expected a letter, then letters, digits, '_', '-' or '.', 100 at most"
        raise ModelError(msg)


def numbered(name: str) -> tuple[str, int]:
    """The model and the number of a version by its name. ModelError where it is none.

    >>> numbered("flight_delays@3")
    ('flight_delays', 3)
    """
    found = VERSION_NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        msg = f"version {name!r}: expected MODEL@NUMBER, such as 'flight_delays@3'"
        raise ModelError(msg)
    return found[1], int(found[2])


def check_json(what: str, value: Mapping[str, Any]) -> None:
    """Raise ModelError when a mapping holds what JSON cannot, such as a number of numpy, or a key that is no text.

    >>> check_json("evidence", {"gates": [], "value": 0.5})
    """
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f"{what}: {error}; expected plain values: text, numbers, lists and maps by text"
        raise ModelError(msg) from error
    for key in _keys(value):
        if not isinstance(key, str):
            msg = (
                f"{what}: expected maps by text, found the key {key!r}, which would come back as text; write it as such"
            )
            raise ModelError(msg)


def _keys(value: object) -> Iterator[object]:
    """The keys of all maps in a value, however deep."""
    if isinstance(value, Mapping):
        yield from value
    elif not isinstance(value, list | tuple):
        return
    for item in value.values() if isinstance(value, Mapping) else value:
        yield from _keys(item)


def _check_hashes(facts: Facts) -> None:
    for what in ("artifact", "code", "environment"):
        found = getattr(facts, what)
        if not SHA256.fullmatch(found):
            msg = f"{what}: expected a sha256 of 64 hex digits, found {found!r}"
            raise ModelError(msg)


def _check_counts(facts: Facts) -> None:
    for what in ("rows_seen", "seed"):
        found = getattr(facts, what)
        if found is not None and not (type(found) is int and 0 <= found <= LARGEST):
            msg = f"{what}: expected 0 to {LARGEST:,}, found {found!r}"
            raise ModelError(msg)


def _check_parent(parent: str | None) -> None:
    try:
        if parent is not None:
            numbered(parent)
    except ModelError as error:
        msg = f"parent: {error}"
        raise ModelError(msg) from error


def _check_offsets(offsets: Mapping[str, tuple[int, int]]) -> None:
    for partition, span in offsets.items():
        if not (isinstance(span, list | tuple) and len(span) == 2 and all(type(one) is int for one in span)):
            msg = f"offsets of {partition!r}: expected two whole numbers, the first offset and the one after the last, "
            raise ModelError(msg + f"found {span!r}")
        if not 0 <= span[0] <= span[1]:
            msg = f"offsets of {partition!r}: expected 0 <= from <= to, found {span[0]!r} and {span[1]!r}"
            raise ModelError(msg)


def _check_metrics(metrics: Mapping[str, float], evaluated: Iterable[str]) -> None:
    known = set(evaluated)
    for name, value in metrics.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            msg = f"metric {name!r}: expected a finite number, found {value!r}"
            raise ModelError(msg)
        if name.partition("/")[0] not in known or not name.partition("/")[2]:
            sets = ", ".join(sorted(known)) or "none"
            msg = f"metric {name!r}: expected 'set/metric' with one of the evaluated sets ({sets})"
            raise ModelError(msg)


def _check_rows(evaluated: Mapping[str, str]) -> None:
    for name, rows in evaluated.items():
        if not NAME.fullmatch(name) or not 0 < len(rows) <= LONGEST_ROWS:
            msg = (
                f"evaluated {name!r}: expected a name such as 'recent', and what its rows are in 1 to {LONGEST_ROWS} "
                f"characters, found {rows!r}"
            )
            raise ModelError(msg)
