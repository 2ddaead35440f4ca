"""A `.sql` file: a short header of comments, then one SELECT whose aggregates are the features of a view."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import DefinitionError, HeadraceError, did_you_mean
from headrace.features.dimension import dimensions_in
from headrace.features.duration import parse_duration
from headrace.features.knobs import knobs_of
from headrace.features.module import run_file
from headrace.features.names import check_name
from headrace.features.place import Place
from headrace.features.source import Source
from headrace.features.sql.query import Query, Selected
from headrace.features.sql.rows import Tables
from headrace.features.sql.script import RefusalError, Script
from headrace.features.view import Feature, View, checked_view, feature_of, tile_of
from headrace.features.window import Window

#: What a header may say of the view, and of one feature, as in `-- tile.orders_30d: 1d`.
OPTIONS = ("view", "source", "owner", "description", "tile", "clock", "optimize", "freshness")
FEATURE_OPTION = "tile."
_OPTION = re.compile(r"--\s*([\w.]+)\s*:\s*(.*?)\s*")


@dataclass(frozen=True, slots=True)
class Header:
    """The comments above the query: options by name, and the line of each."""

    options: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, file: str) -> Header:
        """The header of a text; DefinitionError for an option that is not known, or given twice."""
        options: dict[str, str] = {}
        lines: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.lstrip().startswith("--"):
                break
            found = _OPTION.fullmatch(line.strip())
            if found is None:
                continue
            _check_option(found[1], options, f"{Place(file, number)}")
            options[found[1]], lines[found[1]] = found[2], number
        return cls(options, lines)

    def required(self, name: str, example: str, file: str) -> str:
        """An option's value; DefinitionError where it is not given."""
        if not self.options.get(name):
            msg = f"{Place(file, self.lines.get(name, 1))}: no {name}; begin the file with `-- {name}: {example}`"
            raise DefinitionError(msg)
        return self.options[name]

    def at(self, name: str, file: str) -> str:
        """Where an option stands."""
        return str(Place(file, self.lines.get(name, 1)))


def load_sql(file: Path) -> View:
    """The view of a `.sql` file; DefinitionError, with line and column, for whatever is wrong in it."""
    script = Script(_text(file), Place(str(file), 1, 1))
    header = Header.read(script.text, str(file))
    name = check_name(header.required("view", "fraud_features", str(file)), "view", header.at("view", str(file)))
    owner = header.required("owner", "team@example.com", str(file))
    tables = _tables(header, file)
    source = tables.source
    tile_us = tile_of(header.options.get("tile", "5m"), header.at("tile", str(file)))
    places = [header.at(option, str(file)) for option in ("optimize", "freshness")]
    knobs = knobs_of(header.options.get("optimize"), header.options.get("freshness"), *places)
    select = script.query()
    with script.located():
        selected = Query(select, tables).over()
        features = tuple(_feature(one, script, header, tile_us) for one in selected)
    _check_features(header, features, str(file))
    return checked_view(
        name,
        owner,
        header.options.get("description", ""),
        source,
        features,
        header.options.get("clock", "wall"),
        Place(str(file), 1),
        knobs,
    )


def name_for(feature: str, window: Window | None) -> str:
    """The name of a feature without its window; DefinitionError unless it ends in the width, and the lag if any.

    >>> name_for("failed_60m_lag_1d", Window("1h_lag_1d", 3_600_000_000, 86_400_000_000)), name_for("newest", None)
    ('failed', 'newest')
    """
    if window is None:
        return feature
    if window.zone is not None:
        return _before(feature, window.label)
    head, _, lag = feature.rpartition("_lag_") if window.lag_us and "_lag_" in feature else (feature, "", "0s")
    stem, _, width = head.rpartition("_")
    if not stem or _us(width) != window.width_us or _us(lag) != window.lag_us:
        name = f"{stem if stem and _us(width) is not None else feature}_{window.label}"
        msg = f"feature {feature!r} has a window of {window.label}, which its name must end in: {name!r}"
        raise DefinitionError(msg)
    return stem


def _before(feature: str, label: str) -> str:
    """The name of a feature without the calendar days that it must end in."""
    stem = feature.removesuffix(f"_{label}")
    if stem in {feature, ""}:
        name = f"{feature}_{label}"
        msg = f"feature {feature!r} has a window of {label}, which its name must end in: {name!r}"
        raise DefinitionError(msg)
    return stem


def _text(file: Path) -> str:
    """The text of a file; an editor's byte order mark is no part of it."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{Place(str(file), 1)}: {error}"
        raise DefinitionError(msg) from error


def _us(text: str) -> int | None:
    """The µs of a duration; None where it is none."""
    try:
        return parse_duration(text)
    except DefinitionError:
        return None


def _check_option(name: str, options: Mapping[str, str], at: str) -> None:
    """Refuse an option that is not known, and one given twice."""
    if name not in OPTIONS and not name.startswith(FEATURE_OPTION):
        msg = f"{at}: unknown option {name!r}; {did_you_mean(name, OPTIONS)}"
        raise DefinitionError(msg)
    if name in options:
        msg = f"{at}: {name!r} is given twice"
        raise DefinitionError(msg)


def _check_features(header: Header, features: tuple[Feature, ...], file: str) -> None:
    """Refuse an option of a feature that is not there."""
    names = [feature.name for feature in features]
    for option in header.options:
        name = option.removeprefix(FEATURE_OPTION)
        if option.startswith(FEATURE_OPTION) and name not in names:
            msg = f"{header.at(option, file)}: no feature {name!r}; {did_you_mean(name, names)}"
            raise DefinitionError(msg)


def _tables(header: Header, file: Path) -> Tables:
    """The source that the header names, a class in a Python file beside this one, and the dimensions in that file."""
    found = header.required("source", "features.py:Transactions", str(file))
    module_name, colon, name = found.rpartition(":")
    at = header.at("source", str(file))
    if not colon:
        msg = f"{at}: source {found!r}: expected a Python file and a class, such as features.py:Transactions"
        raise DefinitionError(msg)
    try:
        module = run_file((file.parent / module_name).resolve())
    except HeadraceError as error:
        msg = f"{at}: source {found!r}: {error}"
        raise type(error)(msg) from error
    sources = {
        key: value.schema
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Source) and "schema" in vars(value)
    }
    if name not in sources:
        msg = f"{at}: {module_name} has no source {name!r}; {did_you_mean(name, sources)}"
        raise DefinitionError(msg)
    return Tables(sources[name], (sources[name].name,), dimensions_in(vars(module)))


def _feature(selected: Selected, script: Script, header: Header, view_tile_us: int) -> Feature:
    """One feature, named by its alias."""
    if selected.alias is None:
        raise RefusalError(selected.node, DefinitionError("a feature has no name; write AS name_1h"))
    name, where = selected.alias.name, script.place_of(selected.alias)
    try:
        own = header.options.get(f"{FEATURE_OPTION}{name}")
        tile_us = view_tile_us if own is None else tile_of(own, header.at(f"{FEATURE_OPTION}{name}", where.file))
        transformation = name_for(name, selected.window)
    except DefinitionError as error:
        raise RefusalError(selected.alias, error) from error
    return feature_of(name, selected.aggregate, selected.window, tile_us, transformation, "", where)
