"""What a training set asks of a view: features, the instant that each value is of, and which events a row may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headrace.compiler.plan import Column, PlannedFeature, PlannedOnDemand, TileGroup, ViewPlan
from headrace.compiler.tiles import WindowMode

#: When a value is of: the row's own time; the entity's newest event before it; that, unless it is too old.
ValueMode = Literal["recomputed", "last_write", "ttl"]
#: Which events a row may know: all that happened before its time, or only those of them that had arrived by then.
KnownBy = Literal["event", "arrival"]


@dataclass(frozen=True, slots=True)
class AskedFeature:
    """A feature under the name of its column. `ttl_us` belongs to mode `ttl`; `window_mode`: how windows end.

    `open_end`: the tile that is open at the row's time counts, as in an online read at now; in mode `tiled` only.
    """

    name: str
    feature: PlannedFeature
    mode: ValueMode = "recomputed"
    ttl_us: int | None = None
    window_mode: WindowMode = "exact"
    open_end: bool = False

    @property
    def parts(self) -> tuple[AskedFeature, ...]:
        """What is computed from events: itself, or the operands of a ratio."""
        return tuple(replace(self, feature=part) for part in self.feature.parts)


@dataclass(frozen=True, slots=True)
class AskedOnDemand:
    """An on-demand feature under the name of its column, and what it reads, under names of their own.

    The instant that a value is of, and how windows end, is that of all inputs.
    """

    name: str
    feature: PlannedOnDemand
    inputs: tuple[AskedFeature, ...]
    mode: ValueMode = "recomputed"
    ttl_us: int | None = None
    window_mode: WindowMode = "exact"


Asked = AskedFeature | AskedOnDemand


def with_tiles(asked: Sequence[Asked]) -> dict[AskedFeature, AskedFeature]:
    """What is computed of events for what is asked, each once: by itself without a name, under one name that it has."""
    found: dict[AskedFeature, AskedFeature] = {}
    plain = (one for one in asked if isinstance(one, AskedFeature))
    read = (one for each in asked if isinstance(each, AskedOnDemand) for one in each.inputs)
    for one in (*plain, *read):
        found.setdefault(replace(one, name=""), one)
    return found


@dataclass(frozen=True, slots=True)
class KeySet:
    """Features of one view that describe the same kind of entity: computed in one pass over its events.

    `apart`: further columns of spine and events, in which both must agree, as in the keys.
    """

    plan: ViewPlan
    asked: tuple[AskedFeature, ...]
    known_by: KnownBy = "event"
    apart: tuple[Column, ...] = ()

    @property
    def keys(self) -> tuple[Column, ...]:
        """What names the entity."""
        return (*self.apart, *self.group(self.asked[0]).keys)

    @property
    def groups(self) -> dict[str, int]:
        """The number of each tile group that the features read, by its fingerprint."""
        found = dict.fromkeys(part.feature.group for asked in self.asked for part in asked.parts)
        return {fingerprint: number for number, fingerprint in enumerate(found, start=1)}

    def group(self, asked: AskedFeature) -> TileGroup:
        """The tile group of a feature."""
        return self.plan.group(asked.feature.group)


def key_sets(plan: ViewPlan, asked: tuple[AskedFeature, ...], known_by: KnownBy = "event") -> list[KeySet]:
    """The features of one view by the keys of their entities, in the order asked."""
    found: dict[tuple[Column, ...], list[AskedFeature]] = {}
    for one in asked:
        found.setdefault(plan.group(one.feature.group).keys, []).append(one)
    return [KeySet(plan, tuple(members), known_by) for members in found.values()]
