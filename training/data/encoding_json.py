"""Encodings, fitted or not, as canonical JSON and back: sorted keys, shortest floats, nothing but known names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headrace.errors import DatasetError, did_you_mean
from headrace.training.data.encoders import Dates, Flag, Hash, Known, Raw, Standardized
from headrace.training.data.encoding import Encoding, Fitted
from headrace.training.data.fits import Standardize, Vocabulary
from headrace.training.data.labels import Label, LabelSummary

#: What every encoder is called in JSON; a name is never given to another.
NAMES: Mapping[str, type[Any]] = {
    "dates": Dates,
    "flag": Flag,
    "hash": Hash,
    "known": Known,
    "raw": Raw,
    "standardize": Standardize,
    "standardized": Standardized,
    "vocabulary": Vocabulary,
}
#: Raised when the same text would come to mean something else.
FORMAT = 1


def fitted_json(fitted: Fitted) -> str:
    """A fitted encoding as JSON."""
    encoding = fitted.encoding
    columns = zip(encoding.pairs, fitted.encoders, fitted.kinds, strict=True)
    plain = {
        "format": FORMAT,
        "columns": [
            {"column": column, "encoder": _plain(encoder), "fitted": _plain(found), "kind": kind}
            for (column, encoder), found, kind in columns
        ],
        "label": None if encoding.label is None else asdict(encoding.label),
        "labels": None if fitted.labels is None else asdict(fitted.labels),
        "rows": fitted.rows,
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fitted_of(text: str | bytes) -> Fitted:
    """A fitted encoding from JSON; DatasetError for what is none."""
    try:
        return _fitted(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"encoding: is not what headrace writes: {type(error).__name__}: {error}"
        raise DatasetError(msg) from error


def encoding_plain(encoding: Encoding) -> dict[str, Any]:
    """An encoding that is not fitted, as plain values for JSON.

    >>> encoding_of(encoding_plain(Encoding({"amt": Raw()}))) == Encoding({"amt": [Raw()]})
    True
    """
    columns = [{"column": column, "encoder": _plain(encoder)} for column, encoder in encoding.pairs]
    return {"columns": columns, "label": None if encoding.label is None else asdict(encoding.label)}


def encoding_of(plain: Mapping[str, Any]) -> Encoding:
    """The encoding of plain values; DatasetError for what is none."""
    try:
        return _encoding(plain)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"encoding: is not what headrace writes: {type(error).__name__}: {error}"
        raise DatasetError(msg) from error


def _encoding(plain: Mapping[str, Any]) -> Encoding:
    features: dict[str, list[Any]] = {}
    for one in plain["columns"]:
        features.setdefault(one["column"], []).append(_value(one["encoder"]))
    return Encoding(features, None if plain["label"] is None else Label(**plain["label"]))


def _fitted(plain: Mapping[str, Any]) -> Fitted:
    if plain["format"] != FORMAT:
        msg = f"format {plain['format']!r}; this version of headrace reads {FORMAT}"
        raise ValueError(msg)
    labels = None if plain["labels"] is None else LabelSummary(**plain["labels"])
    return Fitted(
        _encoding(plain),
        tuple(_value(one["fitted"]) for one in plain["columns"]),
        tuple(one["kind"] for one in plain["columns"]),
        plain["rows"],
        labels,
    )


def _plain(encoder: Any) -> dict[str, Any]:
    """An encoder by its name and its fields."""
    name = next(name for name, kind in NAMES.items() if type(encoder) is kind)
    return {"is": name, **asdict(encoder)}


def _value(plain: Mapping[str, Any]) -> Any:
    """The encoder of a name and fields; lists are tuples again."""
    fields = {name: tuple(one) if isinstance(one, list) else one for name, one in plain.items() if name != "is"}
    if plain["is"] not in NAMES:
        msg = f"no encoder {plain['is']!r}; {did_you_mean(plain['is'], NAMES)}"
        raise ValueError(msg)
    return NAMES[plain["is"]](**fields)
