"""Look-ups as they are written, and what is refused when a file loads, at its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import load_views
from headrace.features.sql.text import view_sql

from .test_dimensions import COUNT, DIMENSION, HEAD, feature, in_sql, line_of, loading

COUNTRIES = """
class Countries(Dimension):
    history = IcebergTable("ref.countries")
    key = "code"
    code: str
    continent: str | None
    fee: float
"""
FEES = "tx.groupby('account')[tx.lookup(Countries, by='merchant')['fee']].window(wspec).max()"
Load = Callable[..., ViewPlan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loading(tmp_path)


TABLES = [
    ('key = "code"', 'key = "code"\n    delay = "10m"', "delay = '10m' says how late versions may be written"),
    ("    continent: str | None\n    fee: float\n", "", "has no column beside its key"),
    ('    key = "code"\n', "", "key = None; expected a column's name"),
    ("fee: float", "fee: list[float]", "column 'fee' is list[float]"),
]


@pytest.mark.parametrize(("written", "instead", "message"), TABLES)
def test_a_table_that_cannot_be_looked_up_is_refused_at_its_line(
    load: Load, written: str, instead: str, message: str
) -> None:
    table = COUNTRIES.replace(written, instead)
    assert table != COUNTRIES
    with pytest.raises(DefinitionError) as error:
        load(table, feature(COUNT))
    assert message in str(error.value)
    assert f"user.py:{line_of('class Countries', table)}: dimension Countries: " in str(error.value)


JOINS = [
    ("tx.lookup(Tx)", DefinitionError, "lookup expects a dimension, such as `class Merchants(Dimension)`"),
    ("tx.lookup(Merchants)", DefinitionError, "an event time, since, so its rows are versions: write asof_join(Merch"),
    (
        "tx.asof_join(Countries, by='merchant')",
        DefinitionError,
        "asof_join: Countries has no event time, so its rows are no versions: write lookup(Countries), or mark",
    ),
    ("tx.lookup(Countries)", UnknownColumnError, "lookup: 'code' is no column of Tx"),
    ("tx.lookup(Countries, by='shop')", ColumnTypeError, "lookup: Tx.shop is int and Countries.code is str"),
    ("tx.lookup(Countries, by=5)", DefinitionError, "lookup: by expects a column's name, or a list of names; found 5"),
    ("tx.lookup(Countries, by=['merchant', 5])", DefinitionError, "or a list of names; found ['merchant', 5]"),
    ("tx.lookup(Countries, by='merchant').groupby(5)", DefinitionError, "groupby expects a column's name, or a list"),
    ("tx.lookup(Countries, by=[])", DefinitionError, "lookup: by = []; expected a column for each of the key"),
    (
        "tx.assign(fee=tx.amt).lookup(Countries, by='merchant')",
        DefinitionError,
        "Countries, prefix='countries_')",
    ),
    ("tx.lookup(Countries, by='merchant').groupby('fee')", UnsupportedError, "'fee' is a computed column"),
]


@pytest.mark.parametrize(("body", "kind", "message"), JOINS)
def test_a_lookup_that_cannot_be_made_is_refused_at_its_line(
    load: Load, body: str, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind) as error:
        load(DIMENSION, COUNTRIES, feature(body))
    assert message in str(error.value)
    assert f"user.py:{line_of('    return', DIMENSION, COUNTRIES, feature(body))}: f: " in str(error.value)


@pytest.mark.parametrize(
    "body",
    [
        "tx[tx.lookup == 'a'].groupby('account').window(wspec).count()",
        "tx.groupby('account')[tx.lookup].window(wspec).max()",
        "tx.groupby('account')[tx.lookup * 2].window(wspec).max()",
        "tx.assign(more=tx.lookup).groupby('account').window(wspec).count()",
    ],
)
def test_a_column_that_a_method_hides_is_told_how_to_be_written(load: Load, body: str) -> None:
    source = HEAD.partition("\n\n")[2].replace("class Tx", "class Ty") + "    lookup: int\n"
    hidden = feature(body).replace("tx: Tx", "tx: Ty")
    with pytest.raises(HeadraceError, match=r"; a column that has the name of a .* is written tx\['lookup'\]$"):
        load(source, hidden)
    assert load(source, hidden.replace("tx.lookup", "tx['lookup']").replace("'a'", "1")).version


def test_an_error_beside_a_column_that_no_method_hides_says_nothing_of_methods(load: Load) -> None:
    with pytest.raises(UnknownColumnError, match=r"'mercant' is no column of Tx; did you mean 'merchant'\?$"):
        load(COUNTRIES, feature("tx.lookup(Countries, by='mercant')"))


CHANGES = [
    ("ref.countries", "ref.states"),
    ('IcebergTable("ref.countries")', 'DeltaTable("ref.countries")'),
    ("    fee: float\n", "    fee: float\n    since: datetime = event_time()\n"),
]


@pytest.mark.parametrize(("written", "instead"), CHANGES)
def test_what_decides_which_row_is_seen_makes_another_version(load: Load, written: str, instead: str) -> None:
    changed = COUNTRIES.replace(written, instead)
    verb = "asof_join" if "event_time" in changed else "lookup"
    before, after = load(COUNTRIES, feature(FEES)), load(changed, feature(FEES.replace("lookup", verb)))
    assert before.version != after.version
    assert before.groups[0].fingerprint != after.groups[0].fingerprint


def test_a_plan_read_back_looks_up_the_same(load: Load) -> None:
    plan = load(COUNTRIES, feature(FEES))
    assert ViewPlan.from_json(plan.to_json()) == plan


LOOKED_UP = "tx.lookup(Countries, by='merchant')"
IN_SQL = [
    ("SELECT max(c.fee) FROM tx LEFT JOIN countries AS c ON tx.merchant = c.code GROUP BY account", FEES),
    ("SELECT max(countries.fee) FROM tx LEFT JOIN countries ON countries.code = tx.merchant GROUP BY account", FEES),
    (
        "SELECT count(*) FROM tx LEFT JOIN Countries c ON c.code = merchant WHERE c.continent = 'EU' GROUP BY account",
        f"tx[{LOOKED_UP}['continent'] == 'EU'].groupby('account').window(wspec).count()",
    ),
    (
        "SELECT max(c.fee * m.risk) FROM tx LEFT JOIN Countries AS c ON c.code = tx.merchant "
        "ASOF LEFT JOIN Merchants AS m ON m.merchant = tx.merchant AND tx.ts >= m.since GROUP BY account",
        f"tx.groupby('account')[{LOOKED_UP}['fee'] * tx.asof_join(Merchants)['risk']].window(wspec).max()",
    ),
    ("SELECT max(c.fee) FROM tx LEFT OUTER JOIN Countries c ON c.code = tx.merchant GROUP BY account", FEES),
    ("SELECT max(c.fee) FROM tx LEFT JOIN Countries c ON ((c.code = tx.merchant)) GROUP BY account", FEES),
    ("SELECT max(c.fee) FROM tx AS t LEFT JOIN Countries c ON c.code = t.merchant GROUP BY account", FEES),
    (
        "SELECT max(c.fee) FROM (SELECT * FROM tx) AS d LEFT JOIN Countries c ON c.code = d.merchant GROUP BY account",
        FEES,
    ),
]


@pytest.mark.parametrize(("sql", "python"), IN_SQL, ids=range(len(IN_SQL)))
def test_a_lookup_in_sql_is_the_same_plan_as_in_python(load: Load, sql: str, python: str) -> None:
    tables = DIMENSION + COUNTRIES
    assert load(*in_sql(sql, tables)).version == load(tables, feature(python)).version


WRONG_IN_SQL = [
    (
        "ASOF LEFT JOIN Countries AS c ON c.code = tx.merchant",
        UnsupportedError,
        "has no event time.*: write LEFT",
    ),
    ("JOIN Countries AS c ON c.code = tx.merchant", UnsupportedError, "keeps its rows: it may ASOF LEFT JOIN dimen"),
    ("INNER JOIN Countries AS c ON c.code = tx.merchant", UnsupportedError, "and LEFT JOIN look-up tables"),
    ("LEFT JOIN Contries AS c ON c.code = tx.merchant", DefinitionError, "did you mean 'Countries'"),
    ("LEFT JOIN Countries AS c ON c.fee = tx.amt", DefinitionError, "expected ON code = c.code"),
    (
        "LEFT JOIN Countries AS c ON c.code = tx.merchant AND c.fee > 1",
        DefinitionError,
        "expected ON merchant",
    ),
    ("LEFT JOIN Countries AS c USING (code)", UnsupportedError, "JOIN is not supported"),
    ("LEFT JOIN Countries AS c ON c.code = tx.shop", ColumnTypeError, "Tx.shop is int and Countries.code is str"),
    ("FULL OUTER JOIN Countries AS c ON c.code = tx.merchant", UnsupportedError, "JOIN is not supported"),
    ("OUTER JOIN Countries AS c ON c.code = tx.merchant", UnsupportedError, "JOIN is not supported"),
    ("LEFT SEMI JOIN Countries AS c ON c.code = tx.merchant", UnsupportedError, "JOIN is not supported"),
    (
        "LEFT JOIN Countries AS p ON p.code = tx.account LEFT JOIN Countries AS c ON c.code = p.merchant",
        DefinitionError,
        r":126: f: p.merchant: 'p' is not the source, and a join by what another join looked up is not .*; known: tx$",
    ),
    ("LEFT JOIN Countries AS c ON c.code = c.merchant", DefinitionError, "c.merchant: 'c' is not the source"),
    ("LEFT JOIN Countries AS c ON zz.merchant = c.code", DefinitionError, "zz.merchant: 'zz' is not the source"),
    ("LEFT JOIN Countries AS tx ON tx.code = tx.merchant", DefinitionError, "tx.merchant: 'tx' is not the source"),
]


@pytest.mark.parametrize(("join", "kind", "message"), WRONG_IN_SQL, ids=range(len(WRONG_IN_SQL)))
def test_a_lookup_in_sql_that_cannot_be_made_is_refused_at_its_line(
    load: Load, join: str, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=message) as found:
        load(*in_sql(f"SELECT max(c.fee) FROM tx {join} GROUP BY account", COUNTRIES))
    assert f"user.py:{line_of('SELECT', *in_sql('SELECT', COUNTRIES))}:" in str(found.value)


def test_a_lookup_is_printed_as_sql_that_is_read_as_the_same(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text("".join((HEAD, COUNTRIES, feature(FEES))))
    view = load_views(tmp_path / "user.py").views["fraud"]
    text = view_sql(view, "user.py")
    assert "LEFT JOIN Countries AS countries_by_merchant\n  ON Tx.merchant = countries_by_merchant.code\n" in text
    (tmp_path / "fraud.sql").write_text(text)
    again = load_views(tmp_path / "fraud.sql").views["fraud"]
    assert plan_view(again).groups == plan_view(view).groups
