"""What a training set asks of a view: features, the instant that each value is of, and which events a row may know."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headrace.compiler.known import deciding_groups, why_behind_verdict
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
class Bounds:
    """The event times of a window: from `at - before_us` up to but without `at - lag_us`, each rounded down to a tile.

    `of_write`: `at` is just after the entity's newest event before the row's time; else it is that time. `before_us`
    None: since ever. A tile of None: to the µs. `zone`: both are calendar days there, as many times 24 h.
    """

    of_write: bool
    before_us: int | None
    start_tile_us: int | None
    lag_us: int
    end_tile_us: int | None
    zone: str | None = None


#: A tile group by its fingerprint, and a window over it.
Place = tuple[str, Bounds]


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

    @property
    def deciding(self) -> tuple[TileGroup, ...]:
        """The view's groups over these keys, where by their filters alone a row makes its entity known; else none."""
        return deciding_groups(self.plan, self.group(self.asked[0]).keys)

    @property
    def is_narrowed(self) -> bool:
        """Whether the filters of `deciding` groups are asked of rows before their verdict."""
        return bool(self.deciding) and why_behind_verdict(self.plan, self.deciding) is None

    def group(self, asked: AskedFeature) -> TileGroup:
        """The tile group of a feature."""
        return self.plan.group(asked.feature.group)

    def bounds(self, part: AskedFeature) -> Bounds:
        """Where the window of a part lies.

        A write holds its own event, and an open tile nothing of the future: without a lag neither end is rounded.
        """
        feature, tiled, of_write = part.feature, part.window_mode == "tiled", part.mode != "recomputed"
        rounded = tiled and bool(feature.lag_us or not (of_write or part.open_end))
        return Bounds(
            of_write=of_write,
            before_us=None if feature.window_us is None else feature.window_us + feature.lag_us,
            start_tile_us=feature.tail_us if tiled and feature.window_us is not None else None,
            lag_us=feature.lag_us,
            end_tile_us=self.group(part).finest_us if rounded else None,
            zone=feature.zone,
        )

    @property
    def cells(self) -> dict[Place, TileGroup]:
        """The windows that features read, each with the tile group, and of that the partials that they read of it."""
        read: dict[Place, set[str]] = {}
        for part in (part for asked in self.asked for part in asked.parts):
            read.setdefault(self.place(part), set()).update(part.feature.partials)
        return {place: _only(self.plan.group(place[0]), names) for place, names in read.items()}

    @property
    def read(self) -> tuple[TileGroup, ...]:
        """The groups by their numbers, with the partials that features read of them."""
        names: dict[str, set[str]] = {fingerprint: set() for fingerprint in self.groups}
        for part in (part.feature for asked in self.asked for part in asked.parts):
            names[part.group].update(part.partials)
        return tuple(_only(self.plan.group(fingerprint), read) for fingerprint, read in names.items())

    def place(self, part: AskedFeature) -> Place:
        """The group and the window that a part is read of."""
        return part.feature.group, self.bounds(part)


def key_sets(plan: ViewPlan, asked: tuple[AskedFeature, ...], known_by: KnownBy = "event") -> list[KeySet]:
    """The features of one view by the keys of their entities, in the order asked."""
    found: dict[tuple[Column, ...], list[AskedFeature]] = {}
    for one in asked:
        found.setdefault(plan.group(one.feature.group).keys, []).append(one)
    return [KeySet(plan, tuple(members), known_by) for members in found.values()]


def _only(group: TileGroup, names: Collection[str]) -> TileGroup:
    """A group with some of its partials."""
    return replace(group, partials=tuple(partial for partial in group.partials if partial.name in names))
