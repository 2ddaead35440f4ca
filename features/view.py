"""`FeaturePipeline`: named features of one source, checked when the class is defined, and kept as a `View`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.errors import DefinitionError, did_you_mean
from headrace.features.aggregate import Aggregate, Ratio
from headrace.features.dimension_table import DimensionTable
from headrace.features.duration import UNITS_US, format_duration, parse_duration
from headrace.features.html import html_rows
from headrace.features.knobs import UNSET, Knobs, knobs_of
from headrace.features.local_day import widest_tile_us
from headrace.features.names import check_name, snake_case
from headrace.features.on_demand import OnDemand, OnDemandFeature, traced
from headrace.features.place import Place, calling_place
from headrace.features.source import SourceSchema
from headrace.features.transformation import MODE_OPTIONS, Transformation, Windowed, instead_of
from headrace.features.window import Window

CLOCKS = ("wall", "event")
HOUR_US, DAY_US = UNITS_US["h"], UNITS_US["d"]
OPTIONS = ("owner", "features", "tile", "clock", "optimize", "freshness")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a view: an aggregate over one window (None: since ever), kept in tiles of at least `tile_us`.

    A window ends `lag_us` before the asked time. With a `zone` it is of calendar days there, counted as 24 h each.
    """

    name: str
    aggregate: Aggregate | Ratio
    window_us: int | None
    tile_us: int
    transformation: str
    description: str
    where: Place
    lag_us: int = 0
    zone: str | None = None

    @property
    def window_text(self) -> str:
        """The window in words: `1h`, `1h ending 1d ago`, `7d of the calendar in Europe/Paris`, or `ever`."""
        if self.window_us is None:
            return "ever"
        lag = f" ending {format_duration(self.lag_us)} ago" if self.lag_us else ""
        calendar = f" of the calendar in {self.zone}" if self.zone else ""
        return format_duration(self.window_us) + calendar + lag


@dataclass(frozen=True, slots=True)
class View:
    """A feature view as values: what the compiler plans. `features` have tiles; `on_demand` are computed of those."""

    name: str
    owner: str
    description: str
    source: SourceSchema
    features: tuple[Feature, ...]
    clock: str
    where: Place
    knobs: Knobs = UNSET
    on_demand: tuple[OnDemandFeature, ...] = ()

    def _repr_html_(self) -> str:
        """The features, for a notebook; nothing is computed."""
        rows = [(one.name, _key_names(one), one.window_text, one.description) for one in self.features]
        rows += [(one.name, "", "on demand", one.description) for one in self.on_demand]
        caption = f"{self.name} of {self.source.name}, owner {self.owner}"
        return html_rows(("feature", "entity", "window", "description"), rows, caption)


class FeaturePipeline:
    """Base of all feature views: set `owner` and `features`; the docstring describes the view, the class names it.

    `tile` is the finest tile (default 5 m): how far "now" may be rounded. `clock` is `wall` (tiles expire by the clock)
    or `event` (replays of old data: they do not). `optimize` (`cost`, `latency` or `correctness`) and `freshness` (`1s`
    to `1d`) say how its job runs, and change no value. `class Base(FeaturePipeline, abstract=True)` defines no view.
    """

    owner: ClassVar[str]
    features: ClassVar[list[Windowed | Transformation | OnDemand]]
    tile: ClassVar[str] = "5m"
    clock: ClassVar[str] = "wall"
    optimize: ClassVar[str | None] = None
    freshness: ClassVar[str | None] = None
    view: ClassVar[View]

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        where = calling_place()
        _check_options(cls, f"{where}: view {cls.__name__}")
        if not abstract:
            cls.view = _view_of(cls, where)


def _key_names(feature: Feature) -> str:
    return ", ".join(key.name for key in feature.aggregate.keys)


def _check_options(cls: type[FeaturePipeline], at: str) -> None:
    """Refuse plain attributes that look like misspelt options, or like a mode of windows; `.over()` may use others."""
    for name, value in vars(cls).items():
        is_mode = _is_mode(name, value)
        hint = instead_of(name, OPTIONS) if is_mode else did_you_mean(name, OPTIONS)
        if (is_mode or hint.startswith("did")) and not (name.startswith("_") or name in OPTIONS or callable(value)):
            msg = f"{at}: {name} = {value!r} is no option of a view; {hint}"
            raise DefinitionError(msg)


def _is_mode(name: str, value: Any) -> bool:
    """Whether an attribute is meant for a mode of windows, and not for what `.over()` takes: a width has a number."""
    return name in MODE_OPTIONS and (isinstance(value, bool) or (isinstance(value, str) and not value[:1].isdigit()))


def checked_view(
    name: str,
    owner: Any,
    description: str,
    source: SourceSchema,
    features: tuple[Feature, ...],
    clock: Any,
    where: Place,
    knobs: Knobs,
    on_demand: tuple[OnDemandFeature, ...] = (),
) -> View:
    """A view of features; DefinitionError when its owner, clock or names cannot be meant."""
    at = f"{where}: view {name}"
    if not isinstance(owner, str) or not owner.strip():
        msg = f'{at}: no owner; set `owner = "team@example.com"`, found {owner!r}'
        raise DefinitionError(msg)
    if len(owner.strip().splitlines()) != 1:
        msg = f"{at}: owner is one line, such as an address or a team's name, found {owner!r}"
        raise DefinitionError(msg)
    if clock not in CLOCKS:
        msg = f"{at}: clock = {clock!r}; expected 'wall' or 'event'"
        raise DefinitionError(msg)
    _check_names([*(one.name for one in features), *(one.name for one in on_demand)], features, at)
    _check_days(features, source)
    _check_dimensions(features, at)
    return View(name, owner, description, source, features, clock, where, knobs, on_demand)


def _view_of(cls: type[FeaturePipeline], where: Place) -> View:
    """The checked view of a pipeline class."""
    at = f"{where}: view {cls.__name__}"
    name = check_name(snake_case(cls.__name__), "view", where)
    description = (cls.__dict__.get("__doc__") or "").strip()
    view_tile = tile_of(cls.tile, f"{at}: tile")
    entries = _entries(cls, at)
    aggregated = [entry for entry in entries if not isinstance(entry, OnDemand)]
    source = _source_of(aggregated, at)
    features = tuple(feature for entry in aggregated for feature in _expand(entry, view_tile, at))
    written = [entry for entry in entries if isinstance(entry, OnDemand)]
    keys = _check_names([*(one.name for one in features), *(one.name for one in written)], features, at)
    on_demand = traced(written, {one.name: one.aggregate.type for one in features}, keys, at)
    owner = getattr(cls, "owner", None)
    knobs = knobs_of(cls.optimize, cls.freshness, at)
    return checked_view(name, owner, description, source, features, cls.clock, where, knobs, on_demand)


def _entries(cls: type[FeaturePipeline], at: str) -> list[Windowed | Transformation | OnDemand]:
    """The entries of `features`: transformations with or without windows, and on-demand features."""
    entries = getattr(cls, "features", None)
    if not isinstance(entries, list | tuple) or not entries:
        msg = f"{at}: expected `features = [transformation.over('1h'), ...]`, found {entries!r}"
        raise DefinitionError(msg)
    for entry in entries:
        if not isinstance(entry, Windowed | Transformation | OnDemand):
            msg = f"{at}: {entry!r} is no feature; expected a @transformation, with .over(...) when it has a window, "
            msg += "or an @on_demand feature"
            raise DefinitionError(msg)
    return list(entries)


def _transformation_of(entry: Windowed | Transformation) -> Transformation:
    """The transformation of an entry of `features`."""
    return entry.transformation if isinstance(entry, Windowed) else entry


def _source_of(entries: Sequence[Windowed | Transformation], at: str) -> SourceSchema:
    """The one source that all features read."""
    if not entries:
        msg = f"{at}: on-demand features alone have no source; add the transformations that they are computed of"
        raise DefinitionError(msg)
    found = [_transformation_of(entry).source for entry in entries]
    sources = {source.name: source for source in found}
    if len(sources) != 1:
        msg = f"{at}: its features read {len(sources)} sources ({', '.join(sorted(sources))}); write one view for each"
        raise DefinitionError(msg)
    different = {source.declared: source for source in found}
    if len(different) != 1:
        places = " and ".join(str(source.where) for source in different.values())
        msg = (
            f"{at}: its features read different sources named {found[0].name!r}, of {places}; give one of them another "
        )
        msg += "name, or, where it was written anew, run its transformations again"
        raise DefinitionError(msg)
    return found[0]


def _check_names(names: Sequence[str], features: Sequence[Feature], at: str) -> set[str]:
    """Refuse a name given twice, and one that a key has; returns the names of the keys."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{at}: feature {twice[0]!r} is there twice; give one of them another name"
        raise DefinitionError(msg)
    keys = {key.name for feature in features for key in feature.aggregate.keys}
    for name in sorted(keys & set(names)):
        msg = f"{at}: feature {name!r} has the name of a key; give it another name"
        raise DefinitionError(msg)
    return keys


def _check_days(features: tuple[Feature, ...], source: SourceSchema) -> None:
    """Refuse calendar days that begin inside a tile: what is served would hold events of the day before."""
    for feature in features:
        widest_us = widest_tile_us(feature.zone, source.earliest_us) if feature.zone else feature.tile_us
        if widest_us % feature.tile_us:
            tile, widest = format_duration(feature.tile_us), format_duration(widest_us)
            msg = f"{feature.where}: {feature.name}: not every day in {feature.zone} begins at the edge of a tile of "
            msg += f"{tile}; write .over(..., tile={widest!r}), or a whole fraction of that"
            raise DefinitionError(msg)


def _check_dimensions(features: tuple[Feature, ...], at: str) -> None:
    """Refuse two dimensions of one name, whatever the case of its letters: runs name their versions by it."""
    scalars = (scalar for feature in features for part in feature.aggregate.parts for scalar in part.scalars)
    known: dict[str, DimensionTable] = {}
    for lookup in (lookup for scalar in scalars for lookup in scalar.lookups()):
        table = lookup.dimension
        if table is not None and known.setdefault(table.name.lower(), table) != table:
            msg = f"{at}: its features join two dimensions named {table.name!r}; give one of them another name"
            raise DefinitionError(msg)


def _expand(entry: Windowed | Transformation, view_tile: int, at: str) -> list[Feature]:
    """The features of one entry: one for each window, or the one since ever."""
    found = _transformation_of(entry)
    aggregate, where = found.aggregate(), entry.where
    windows = entry.windows if isinstance(entry, Windowed) else ()
    if aggregate.windowed != bool(windows):
        hint = f"has a window: write {found.name}.over('1h')"
        if not aggregate.windowed:
            hint = "has no window, so it is since ever: drop .over(), or write .window(wspec) in its body"
        msg = f"{at}: {found.name!r} at {found.where} {hint}"
        raise DefinitionError(msg)
    own = entry.tile_us if isinstance(entry, Windowed) else None
    tile = view_tile if own is None else check_tile(own, f"{where}: {found.name}")
    named: list[tuple[str, Window | None]] = [(f"{found.name}_{window.label}", window) for window in windows]
    return [
        feature_of(name, aggregate, window, tile, found.name, found.description, where)
        for name, window in named or [(found.name, None)]
    ]


def feature_of(
    name: str,
    aggregate: Aggregate | Ratio,
    window: Window | None,
    tile_us: int,
    transformation: str,
    description: str,
    where: Place,
) -> Feature:
    """One feature under a checked name; DefinitionError for a window that is shorter than its tile."""
    check_name(name, "feature", where)
    if window is not None and window.width_us < tile_us:
        msg = f"{where}: {name}: window {window.label!r} is shorter than its tile {format_duration(tile_us)!r}"
        raise DefinitionError(msg)
    width_us, lag_us, zone = (None, 0, None) if window is None else (window.width_us, window.lag_us, window.zone)
    return Feature(name, aggregate, width_us, tile_us, transformation, description, where, lag_us, zone)


def tile_of(text: Any, at: str) -> int:
    """The µs of a finest tile; DefinitionError for one that does not fit."""
    try:
        tile_us = parse_duration(text)
    except DefinitionError as error:
        msg = f"{at}: {error}"
        raise DefinitionError(msg) from error
    return check_tile(tile_us, at)


def check_tile(tile_us: int, at: str) -> int:
    """A tile that hours and days hold a whole number of times, so that coarse cells consist of fine ones.

    >>> check_tile(300_000_000, "features.py:1")
    300000000
    """
    fits = tile_us > 0 and (HOUR_US % tile_us == 0 or (tile_us % HOUR_US == 0 and DAY_US % tile_us == 0))
    if not fits:
        msg = (
            f"{at}: a tile of {format_duration(tile_us)} does not fit; expected a whole fraction of 1h, or 1h, 2h, 3h, "
        )
        msg += "4h, 6h, 8h, 12h or 1d"
        raise DefinitionError(msg)
    return tile_us
