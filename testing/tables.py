"""Tests of features as YAML: rows, and what the features are at some instants.

view: features.py:fraud          # a file beside this one, and a view of it when it has several
rows:
  - {card: a, cents: 10, at: 2026-01-01T10:00:00Z}
  - {card: a, cents: 5, at: 2026-01-01T10:30:00Z, _arrives: 2026-01-03T00:00:00Z}
expect:
  - {at: 2026-01-01T11:00:00Z, entity: {card: a}, values: {spend_1h: 10}}
  - {at: 2026-01-01T11:00:00Z, verdicts: {late: 1}}
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from headrace.compiler.equality import same
from headrace.compiler.tiles import WindowMode
from headrace.errors import DefinitionError, did_you_mean
from headrace.features.load import load_views
from headrace.features.view import View
from headrace.pipelines.script import Marker
from headrace.testing.evaluation import difference, evaluate
from headrace.testing.rows import End, Inputs, until_end

#: The bare words that may stand among rows.
MARKERS = [*(marker.value for marker in Marker), End.EOF.value]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expectation(_Table):
    """What holds at one instant: values of an entity, or how many rows have which verdict, or both."""

    at: datetime
    entity: dict[str, Any] = Field(default_factory=dict)
    values: dict[str, Any] = Field(default_factory=dict)
    verdicts: dict[str, int] = Field(default_factory=dict)
    windows: WindowMode | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> Expectation:
        if not (self.values or self.verdicts):
            msg = "expects nothing; give `values` or `verdicts`"
            raise ValueError(msg)
        return self


def _item(given: object) -> object:
    """A row, or the marker that a bare word is."""
    if isinstance(given, dict):
        return given
    if given not in MARKERS:
        msg = f"{given!r} is neither a row nor a marker; {did_you_mean(str(given), MARKERS)}"
        raise ValueError(msg)
    return Marker(given)


def _until_end(given: object) -> object:
    """The rows as they stand in the file, without the `EOF` that may be the last; RequestError as of `until_end`."""
    if not isinstance(given, list):
        return given
    return until_end([End.EOF if row == End.EOF.value else row for row in given])


class FeatureTable(_Table):
    """The rows of one file, the versions of the dimensions that its view joins, and what is expected of them."""

    view: str
    rows: Annotated[list[Annotated[dict[str, Any] | Marker, BeforeValidator(_item)]], BeforeValidator(_until_end)]
    dimensions: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    expect: list[Expectation] = Field(min_length=1)
    windows: WindowMode = "exact"

    @property
    def inputs(self) -> Inputs:
        """What the view is to read."""
        return Inputs(self.rows, self.dimensions)


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which a key is given once: of two values the plain loader drops one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; ConstructorError at a key that is there twice."""
        seen: set[tuple[str, str]] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is there twice", key.start_mark)
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def read_table(file: Path) -> FeatureTable:
    """The table in a file.

    Raises:
        DefinitionError: the file is no YAML, or not of this form; the message names the place.
    """
    try:
        text = file.read_text(encoding="utf-8")
        return FeatureTable.model_validate(yaml.load(text, _Loader))  # noqa: S506 (it is a safe one)
    except yaml.YAMLError as error:
        msg = f"{file}: {error}"
        raise DefinitionError(msg) from error
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        msg = f"{file}: {'; '.join(wrong)}"
        raise DefinitionError(msg) from error


def view_of(file: Path, table: FeatureTable) -> View:
    """The view that a table tests, from the file that it names, which lies beside the table's own.

    Raises:
        DefinitionError: there is no such file or view, or the file has several and none is named.
    """
    path, _, name = table.view.partition(":")
    views = load_views(file.parent / path).views
    if name not in views and (name or len(views) != 1):
        msg = f"{file}: view {table.view!r}: {did_you_mean(name, views)}; write `view: {path}:{min(views)}`"
        raise DefinitionError(msg)
    return views[name] if name else next(iter(views.values()))


def differences(view: View, table: FeatureTable, expectation: Expectation) -> Sequence[str]:
    """What does not hold of an expectation; empty when all does. Raises what `evaluate` does."""
    windows = expectation.windows or table.windows
    found = evaluate(view, table.rows, expectation.at, windows=windows, dimensions=table.dimensions)
    values = [
        difference(found, feature, expectation.entity, expected)
        for feature, expected in expectation.values.items()
        if not same(found.value(feature, expectation.entity), expected)
    ]
    verdicts = [
        f"rows {name}: expected {count}, found {found.run.verdicts.get(name)}"
        for name, count in expectation.verdicts.items()
        if found.run.verdicts.get(name) != count
    ]
    return [*values, *verdicts]
