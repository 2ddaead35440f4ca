"""What can be said of a union, and what is refused: every mistake is found at load, at its line, with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import Definitions, load_views

HEAD = """
from datetime import datetime
from headrace import (
    Dimension, FeaturePipeline, IcebergTable, KafkaTopic, Source, Union, WindowSpec, event_time, filled_by,
    transformation, udf
)

class Cards(Source):
    history = IcebergTable("raw.cards")
    live = KafkaTopic("cards")
    allowed_lateness = "2h"
    unique_by = "pan"
    pan: str
    cents: int
    fee: float
    at: datetime = event_time("1m")

class Wires(Source):
    live = KafkaTopic("wires")
    iban: str | None
    cents: int
    fee: float
    at: datetime
    sent_at: datetime = event_time()

class Refunds(Source):
    history = IcebergTable("raw.cards")
    live = KafkaTopic("refunds")
    pan: str
    cents: int
    at: datetime = event_time()

class Spot:
    town: str
    since: datetime

class Parcels(Source):
    history = IcebergTable("raw.parcels")
    spot: Spot
    towns: list[str]
    at: datetime = event_time()

class Banks(Dimension):
    history = IcebergTable("ref.banks")
    key = "iban"
    iban: str
    fee_rate: float
    since: datetime = event_time()

class Both(Union):
    sources = [Cards, Wires]
    cents: int
    at: datetime = event_time()

@udf(returns=int)
def doubled(cents: int) -> int:
    return 2 * cents
"""
VIEW = """
@transformation
def spent(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")["cents"].window(wspec).sum()

class Spending(FeaturePipeline):
    owner = "a@b.c"
    features = [spent.over("1h")]
"""
CARD = 'card: str | None = filled_by({Cards: "pan", Wires: "iban"})'
AT = "at: datetime = event_time()"
BOTH = "sources = [Cards, Wires]"
SHIPPED = "sources = [Cards, Parcels]"
Load = Callable[..., Definitions]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file with a union of these lines."""

    def make(*lines: str) -> Definitions:
        path = tmp_path / "user.py"
        path.write_text(HEAD + union(*lines) + VIEW)
        return load_views(path)

    return make


def union(*lines: str) -> str:
    return "\nclass Payments(Union):\n" + "".join(f"    {line}\n" for line in lines)


def test_a_column_is_filled_by_name_by_a_constant_or_by_an_expression(load: Load) -> None:
    schema = load(
        '"""Payments."""',
        BOTH,
        CARD,
        "cents: int",
        "fee: float = filled_by({Wires: 0})",
        'kind: str = filled_by({Cards: lambda tx: "card", Wires: lambda tx: tx.iban.substr(0, 2)})',
        "large: bool = filled_by({Cards: lambda tx: tx.cents > 100, Wires: True})",
        "note: str | None = filled_by({Cards: None, Wires: lambda tx: None})",
        AT,
    ).sources["Payments"]
    assert [member.source.name for member in schema.members] == ["Cards", "Wires"]
    cards, wires = ([scalar.text() for scalar in member.filled] for member in schema.members)
    assert cards == ["pan", "cents", "fee", '"card"', "greater(cents, 100)", "null:str", "at"]
    assert wires[:3] == ["iban", "cents", "0.0"]
    assert wires[4:] == ["true", "null:str", "sent_at"]


def test_a_union_waits_for_the_latest_of_its_sources(load: Load) -> None:
    schema = load(BOTH, CARD, "cents: int", AT).sources["Payments"]
    cards, wires = (member.source for member in schema.members)
    assert schema.time.max_delay_us == cards.time.max_delay_us > wires.time.max_delay_us
    assert schema.allowed_lateness_us == wires.allowed_lateness_us > cards.allowed_lateness_us
    assert (schema.history, schema.live, schema.description) == (None, None, "")


WRONG: list[tuple[tuple[str, ...], type[HeadraceError], str]] = [
    ((CARD, "cents: int", AT), DefinitionError, r"expected `sources = \[CardPayments"),
    (("sources = [Cards]", CARD, AT), DefinitionError, "two or more"),
    (("sources = [Cards, Cards]", CARD, AT), DefinitionError, "Cards is there twice: its rows would count twice"),
    (("sources = [Cards, Refunds]", AT), DefinitionError, r"Cards and Refunds read IcebergTable\(name='raw.cards'\)"),
    (("sources = [Cards, int]", CARD, AT), DefinitionError, "<class 'int'> is no source"),
    (("sources = [Cards, Union]", CARD, AT), DefinitionError, "is no source"),
    (
        ("sources = [Cards, Both]", CARD, AT),
        UnsupportedError,
        "Both is a union itself; list its sources .* Cards, Wires",
    ),
    (("sources = [Cards, Payments]", CARD, AT), DefinitionError, "NameError: name 'Payments' is not defined"),
    ((BOTH, "card: str", AT), DefinitionError, r"column 'card' of Cards: Cards has no column 'card'; .*filled_by"),
    ((BOTH, 'cents: int = filled_by({Cards: "cent"})', AT), DefinitionError, "did you mean 'cents'"),
    ((BOTH, "cents: float", AT), ColumnTypeError, r"'cents' of Cards: expected float, found cents \(int\); cast it"),
    ((BOTH, 'cents: int = filled_by({Wires: "iban"})', AT), ColumnTypeError, "of Wires: expected int, found iban"),
    ((BOTH, "card: str = filled_by({Cards: 'pan', Wires: None})", AT), ColumnTypeError, "None fills no str"),
    (
        (BOTH, "cents: int = filled_by({Refunds: 'cents'})", AT),
        DefinitionError,
        r"none of its sources \(Cards, Wires\)",
    ),
    ((BOTH, "cents: int = filled_by({Wires: [1]})", AT), DefinitionError, r"found \[1\]"),
    (
        (BOTH, "cents: int = filled_by({Wires: lambda tx: tx.cts})", AT),
        UnknownColumnError,
        r"'cts' is no column of Wires",
    ),
    (
        (BOTH, "cents: int = filled_by({Wires: lambda tx: tx.fee and 1})", AT),
        ColumnTypeError,
        "ask whether a whole column is true",
    ),
    ((BOTH, "cents: int = filled_by({Wires: lambda tx: 1 // 0})", AT), DefinitionError, "modulo by zero"),
    ((BOTH, 'cents: int = filled_by({Wires: float("nan")})', AT), DefinitionError, "of Wires: nan is no finite number"),
    (
        (BOTH, "cents: int = filled_by({Wires: 2**70})", AT),
        DefinitionError,
        "of Wires: 1180591620717411303424 is beyond 64 bits",
    ),
    (
        (BOTH, "cents: int = filled_by({Wires: lambda tx: tx.fee.sum()})", AT),
        UnsupportedError,
        "column 'cents' of Wires: operation 'Sum' is not supported",
    ),
    (
        (BOTH, "cents: int = filled_by({Wires: lambda tx: doubled(tx.cents)})", AT),
        UnsupportedError,
        "call it in a feature",
    ),
    (
        (BOTH, "due: datetime = filled_by({Cards: 'at', Wires: lambda tx: tx.sent_at.truncate('h')})", AT),
        UnsupportedError,
        "a computed datetime",
    ),
    (
        (BOTH, "fee: float = filled_by({Wires: lambda tx: tx.asof_join(Banks, by='iban').fee_rate})", AT),
        UnsupportedError,
        "what a dimension says cannot fill a column of a union; join in a feature",
    ),
    ((BOTH, "tags: list[str]", AT), UnsupportedError, r"column 'tags' is list\[str\]; .*take its parts apart"),
    ((BOTH, "spot: Spot", AT), UnsupportedError, "column 'spot' is struct; .*take its parts apart"),
    (
        (SHIPPED, "spot: str = filled_by({Cards: 'pan'})", AT),
        ColumnTypeError,
        r"'spot' of Parcels: .* \(struct\); take a part of it",
    ),
    (
        (SHIPPED, "town: str = filled_by({Cards: 'pan', Parcels: 'towns'})", AT),
        ColumnTypeError,
        r"found towns \(list\[str\]\); take an element of it",
    ),
    (
        (SHIPPED, "due: datetime = filled_by({Cards: 'at', Parcels: lambda tx: tx.spot.since})", AT),
        UnsupportedError,
        "a computed datetime cannot fill a column; name a column of Parcels",
    ),
    ((BOTH, "cents: int = 3", AT), DefinitionError, "neither an annotated column nor an option"),
    ((BOTH, "source = [Cards]", AT), DefinitionError, "did you mean 'sources'"),
    ((BOTH, "sources: list", AT), DefinitionError, "'sources' is an option"),
    ((BOTH, 'live = KafkaTopic("x")', AT), DefinitionError, "each of its sources says that for itself"),
    ((BOTH, 'allowed_lateness = "1h"', AT), DefinitionError, "each of its sources says that for itself"),
    ((BOTH, "cents: int"), DefinitionError, "one event-time column"),
    ((BOTH, 'at: datetime = event_time(zone="Europe/Paris")'), DefinitionError, "each of the sources says for itself"),
    ((BOTH, 'unique_by = "tid"', "cents: int", AT), DefinitionError, "unique_by = 'tid' is no column"),
    ((BOTH, 'unique_by = "card"', CARD, AT), DefinitionError, "must be str or int and never None"),
]


@pytest.mark.parametrize(("lines", "kind", "message"), WRONG)
def test_a_wrong_union_is_refused_at_its_line(
    load: Load, lines: tuple[str, ...], kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=message) as found:
        load(*lines)
    first = HEAD.count("\n") + 2
    assert re.match(rf".*user\.py:({'|'.join(str(first + more) for more in range(5))}): ", str(found.value))


def test_the_error_of_an_expression_names_its_own_line(load: Load) -> None:
    with pytest.raises(UnknownColumnError) as found:
        load(BOTH, "cents: int = filled_by({", "    Wires: lambda tx: tx.cts", "})", AT)
    assert f"user.py:{HEAD.count(chr(10)) + 5}: " in str(found.value)


def test_a_source_of_another_key_type_is_refused(load: Load) -> None:
    with pytest.raises(ColumnTypeError, match=r"column 'card' of Wires: expected str, found cents \(int\)"):
        load(BOTH, 'card: str = filled_by({Cards: "pan", Wires: "cents"})', "cents: int", AT)


def test_a_union_is_read_by_name_in_sql(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(HEAD + union(BOTH, CARD, "cents: int", AT))
    (tmp_path / "spending.sql").write_text(
        "-- view: spending\n-- source: user.py:Payments\n-- owner: a@b.c\n"
        "SELECT sum(cents) OVER (PARTITION BY card ORDER BY at\n"
        "  RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS spent_1h\nFROM Payments\n"
    )
    view = load_views(tmp_path / "spending.sql").views["spending"]
    assert [member.source.name for member in view.source.members] == ["Cards", "Wires"]
    assert [feature.name for feature in view.features] == ["spent_1h"]
