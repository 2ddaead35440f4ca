"""SQL and Python land in one plan: each expression, whole views both ways, and the windows as plain DuckDB has them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
import sqlglot

from headrace.compiler.build import plan_view
from headrace.compiler.compile import ENGINES
from headrace.features import Feature, View, load_views
from headrace.features.coercion import finite
from headrace.features.expression import RULES, to_scalar
from headrace.features.knobs import Knobs
from headrace.features.scalar import Scalar
from headrace.features.sql.expressions import Reader
from headrace.features.sql.syntax import DIALECT
from headrace.features.sql.text import view_sql
from headrace.features.sql.written import RULES as WRITTEN
from headrace.features.sql.written import to_sql
from headrace.features.stream import FUNCTIONS, Stream

from .expressions import GROUPS
from .expressions.case import COLUMNS, TABLE, Case, expression_of
from .local_days import ShopDays

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FILES = (
    ROOT / "examples/fraud/features.py",
    ROOT / "examples/flights/features.py",
    ROOT / "examples/merchants/features.py",
    HERE / "every_aggregate.py",
    HERE / "nested_logins.py",
)
CASES = [case for cases in GROUPS.values() for case in cases]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(text: str) -> Scalar:
    """The scalar of an expression in SQL, as an aggregate reads it."""
    columns = {name: TABLE[name] for name in COLUMNS}
    reader = Reader(Stream(None, columns), {"tx"})  # type: ignore[arg-type]
    return finite(to_scalar(reader.read(sqlglot.parse_one(text, read=DIALECT))))


def printed(expression: Any) -> str:
    return to_sql(expression).sql(dialect=DIALECT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
def test_an_expression_printed_as_sql_is_the_same_expression(case: Case) -> None:
    assert read(printed(case.expression())) == case.scalar()


def test_every_operation_that_is_allowed_can_be_printed() -> None:
    assert RULES.keys() == WRITTEN.keys()


#: As users of Flink and DuckDB write, and the Python of the same expression.
BY_HAND = [
    ("i::BIGINT + 1", "tx.i + 1"),
    ("TRY_CAST(s AS DOUBLE)", "tx.s.cast('float64')"),
    ("tx.x > 1e3", "tx.x > 1e3"),
    ("-1.5 * x", "-1.5 * tx.x"),
    ("2 < x", "2 < tx.x"),
    ("INTERVAL '1' HOUR + at", "tx.at + ibis.interval(hours=1)"),
    ("10 - i", "10 - tx.i"),
    ("- -5", "-ibis.literal(-5)"),
    ("i * j + i / j - 1", "tx.i * tx.j + tx.i / tx.j - 1"),
    ("i - (j - 1)", "tx.i - (tx.j - 1)"),
    ("x ^ 2", "tx.x ** 2"),
    ("pow(x, 2)", "tx.x ** 2"),
    ("ceiling(x)", "tx.x.ceil()"),
    ("log(2, x)", "tx.x.log2()"),
    ("log(3, x)", "tx.x.log(3)"),
    ("s <> 'a' AND NOT b OR c", "((tx.s != 'a') & ~tx.b) | tx.c"),
    ("NOT b = c", "~(tx.b == tx.c)"),
    ("s NOT IN ('a', 'b')", "~tx.s.isin(['a', 'b'])"),
    ("i NOT BETWEEN 1 AND 2", "~tx.i.between(1, 2)"),
    ("s IS NOT NULL", "tx.s.notnull()"),
    ("NOT (s IS NULL)", "~tx.s.isnull()"),
    ("s IS DISTINCT FROM t", "~tx.s.identical_to(tx.t)"),
    ("s NOT LIKE 'a%'", "~tx.s.like('a%')"),
    ("b = TRUE", "tx.b == True"),
    ("x IS NULL", "tx.x == None"),
    ("x IS NOT NULL", "tx.x != None"),
    ("IFNULL(s, '')", "tx.s.fill_null('')"),
    ("IF(b, 1, NULL)", "ibis.ifelse(tx.b, 1, None)"),
    ("CASE i WHEN 1 THEN 'a' END", "tx.i.cases((1, 'a'), else_=None)"),
    ("CASE WHEN b THEN x WHEN c THEN 1 ELSE y END", "ibis.cases((tx.b, tx.x), (tx.c, 1), else_=tx.y)"),
    ("s || '-' || t", "tx.s + '-' + tx.t"),
    ("s || ('-' || t)", "tx.s + '-' + tx.t"),
    ("char_length(s)", "tx.s.length()"),
    ("substring(s FROM 2 FOR 3)", "tx.s.substr(1, 3)"),
    ("substr(s, 3)", "tx.s[2:]"),
    ("left(s, 2)", "tx.s.left(2)"),
    ("strpos(s, t)", "tx.s.find(tx.t) + 1"),
    ("position('a' IN s) - 1", "tx.s.find('a')"),
    ("strpos(s, t) - 2", "tx.s.find(tx.t) + 1 - 2"),
    ("prefix(s, 'a')", "tx.s.startswith('a')"),
    ('hour("at")', "tx.at.hour()"),
    ("date_part('year', at)", "tx.at.year()"),
    ("EXTRACT(DOY FROM at)", "tx.at.day_of_year()"),
    ("isodow(at)", "tx.at.day_of_week.index() + 1"),
    ("isodow(at) - 1", "tx.at.day_of_week.index()"),
    ("epoch(at)", "tx.at.epoch_seconds()"),
    ("date_trunc('WEEK', at)", "tx.at.truncate('W')"),
    ("datediff('day', til, at)", "tx.at.delta(tx.til, unit='day')"),
    ("at + INTERVAL '90' MINUTES", "tx.at + ibis.interval(minutes=90)"),
    ("at + INTERVAL 2 WEEK", "tx.at + ibis.interval(weeks=2)"),
    ("at - til > INTERVAL '1 hour'", "tx.at - tx.til > ibis.interval(seconds=3600)"),
    ("at + i * INTERVAL '1' HOUR", "tx.at + tx.i.as_interval('h')"),
    ("at + INTERVAL '2' HOUR * i", "tx.at + ibis.interval(hours=2) * tx.i"),
    ("at + INTERVAL (i) HOUR", "tx.at + tx.i.as_interval('h')"),
    ("at >= TIMESTAMPTZ '1970-01-01 01:00:00+01:00'", "tx.at >= datetime(1970, 1, 1, tzinfo=UTC)"),
    ("at >= '1970-01-01T00:00:00Z'::TIMESTAMPTZ", "tx.at >= datetime(1970, 1, 1, tzinfo=UTC)"),
    ("make_timestamp(i)", "tx.i.as_timestamp('us')"),
    ("day + INTERVAL '2' DAY", "tx.day + ibis.interval(days=2)"),
    ("INTERVAL 1 WEEK + day", "tx.day + ibis.interval(weeks=1)"),
    ("day - i * INTERVAL '1' DAY", "tx.day - tx.i.as_interval('D')"),
    ("date_diff('day', due, day) * INTERVAL '1' DAY > INTERVAL '48' HOUR", "tx.day - tx.due > ibis.interval(days=2)"),
    ("CAST(at AS DATE) = DATE '2024-02-29'", "tx.at.date() == date(2024, 2, 29)"),
    ("day::VARCHAR LIKE '2024-%'", "tx.day.cast('string').like('2024-%')"),
    ("CAST(day AS TIMESTAMPTZ) > at", "tx.day.cast('timestamp') > tx.at"),
    ("year(day) + EXTRACT(WEEK FROM day)", "tx.day.year() + tx.day.week_of_year()"),
    ("date_trunc('quarter', day)", "tx.day.truncate('Q')"),
    ("s ~ '^a+$'", "tx.s.re_search('^a+$')"),
    ("regexp_extract(s, '(a)(b)?', 2)", "tx.s.re_extract('(a)(b)?', 2)"),
    ("regexp_extract(s, 'a')", "tx.s.re_extract('a', 0)"),
    ("round(x, 2)", "tx.x.round(2)"),
    ("to_timestamp(i)", "tx.i.as_timestamp('s')"),
    ("GREATEST(i, j)", "ibis.greatest(tx.i, tx.j)"),
]


@pytest.mark.parametrize(("sql", "python"), BY_HAND)
def test_sql_by_hand_is_the_expression_of_python(sql: str, python: str) -> None:
    assert read(sql) == finite(to_scalar(expression_of(python)))


def number(random_: random.Random, depth: int) -> Any:
    """A random expression of numbers."""
    leaves = [TABLE.i, TABLE.x, ibis.literal(random_.randrange(-9, 9)), ibis.literal(1.5), TABLE.s.length()]
    if depth == 0:
        return random_.choice(leaves)
    one, two = number(random_, depth - 1), number(random_, depth - 1)
    return random_.choice(
        [
            *(one + two, one - two, one * two, one / TABLE.x, -one, one.abs(), ibis.coalesce(one, two)),
            *(ibis.ifelse(condition(random_, depth - 1), one, two), ibis.greatest(one, two), one.nullif(two)),
        ]
    )


def condition(random_: random.Random, depth: int) -> Any:
    """A random condition."""
    leaves = [TABLE.b, TABLE.c, TABLE.s == "it's", TABLE.s.like("%a_"), TABLE.s.isin(["a", "b"]), TABLE.t.notnull()]
    if depth == 0:
        return random_.choice(leaves)
    one, two = condition(random_, depth - 1), condition(random_, depth - 1)
    left, right = number(random_, depth - 1), number(random_, depth - 1)
    return random_.choice(
        [one & two, one | two, ~one, one ^ two, one.isnull(), left < right, left.between(right, 3), left == right]
    )


@pytest.mark.parametrize("seed", range(200))
def test_nested_expressions_keep_their_brackets(seed: int) -> None:
    random_ = random.Random(seed)
    expression = random_.choice([number, condition])(random_, 4)
    assert read(printed(expression)) == finite(to_scalar(expression))


def views() -> list[View]:
    """All views of the examples, of the test of every aggregate, and of that of calendar days."""
    return [*(view for file in FILES for view in load_views(file).views.values()), ShopDays.view]


def computed(part: Any) -> Any:
    """All of a plan but places and descriptions."""
    if isinstance(part, dict):
        return {key: computed(value) for key, value in part.items() if key not in {"where", "description"}}
    return [computed(one) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_a_view_printed_as_sql_is_the_same_plan(view: View, tmp_path: Path) -> None:
    view = replace(view, knobs=Knobs("correctness", 90_000_000))
    text = view_sql(view, view.source.where.file)
    path = tmp_path / "printed.sql"
    path.write_text(text)
    (again,) = load_views(path).views.values()
    assert computed(plan_view(again).to_dict()) == computed(plan_view(view).to_dict())
    assert view_sql(again, view.source.where.file) == text


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_each_feature_printed_alone_is_the_same_plan(view: View, tmp_path: Path) -> None:
    path = tmp_path / "printed.sql"
    for feature in view.features:
        alone = replace(view, features=(feature,))
        path.write_text(view_sql(alone, view.source.where.file))
        (again,) = load_views(path).views.values()
        assert computed(plan_view(again).to_dict()) == computed(plan_view(alone).to_dict()), feature.name


FILTERED = """
from datetime import datetime
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation

class Tx(Source):
    live = KafkaTopic("tx")
    account: str
    cents: int
    ok: bool
    ts: datetime = event_time()

@transformation
def f(tx: Tx, wspec: WindowSpec):
    return tx{conditions}.groupby("account").window(wspec).count()

class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [f.over("1h")]
"""


@pytest.mark.parametrize(
    "conditions",
    [
        "[tx.ok][tx.cents > 1][tx.cents < 5]",
        "[tx.ok][(tx.cents > 1) & (tx.cents < 5)]",
        "[tx.ok | (tx.cents > 1)][tx.cents < 5]",
        "[tx.cents < 5][tx.ok | (tx.cents > 1)]",
        "[(tx.cents < 5) & ~(tx.ok | (tx.cents > 1))]",
    ],
)
def test_conditions_one_after_the_other_keep_their_order(conditions: str, tmp_path: Path) -> None:
    (tmp_path / "tx.py").write_text(FILTERED.replace("{conditions}", conditions))
    view = load_views(tmp_path / "tx.py").views["fraud"]
    (tmp_path / "tx.sql").write_text(view_sql(view, "tx.py"))
    again = load_views(tmp_path / "tx.sql").views["fraud"]
    assert again.features[0].aggregate == view.features[0].aggregate


def test_a_view_by_hand_in_sql_is_the_same_plan_and_the_same_text_for_both_engines() -> None:
    sql = load_views(HERE / "every_aggregate.sql").views["shop_features"]
    whole = load_views(HERE / "every_aggregate.py").views["shop_features"]
    names = {feature.name for feature in sql.features}
    used = {part.function for feature in sql.features for part in feature.aggregate.parts}
    assert used == FUNCTIONS.keys()
    plan = plan_view(sql)
    python = plan_view(replace(whole, features=tuple(one for one in whole.features if one.name in names)))
    assert plan.version == python.version
    assert plan.groups == python.groups
    for emit in ENGINES.values():
        assert emit(plan) == emit(python)


def is_plain(feature: Feature) -> bool:
    """Whether plain SQL has the value: not for division by zero, ties, lists, quantiles, the end of a lagged window."""
    divides = feature.name in {"paid_density_3d", "express_fee_1h"} or feature.aggregate.function == "ratio"
    ours = {"first", "last", "last_n", "quantile", "quantiles", "top_k"}
    return not divides and feature.aggregate.function not in ours and not feature.lag_us


def test_plain_duckdb_gives_each_event_what_the_feature_is_at_its_time(oracle: Any) -> None:
    """The printed text is a query as it stands: `EXCLUDE GROUP` is what the end of a window means here."""
    view = load_views(HERE / "every_aggregate.py").views["shop_features"]
    view = replace(view, features=tuple(one for one in view.features if is_plain(one)))
    rows = [row for row in oracle.events(5, 150) if oracle.verdict(row) == "accepted"]
    found = plain_query(view_sql(view, "orders.py").replace("SELECT\n", "SELECT\n  _src_offset,\n", 1), rows)
    by_offset = {row["_src_offset"]: row for row in rows}
    assert len(found) == len(rows) > 50
    for values in found:
        row = by_offset[values["_src_offset"]]
        for feature in view.features:
            expected = oracle.expected(rows, feature.name, row["ordered_at"], "exact")
            empty = 0 if feature.aggregate.function in {"count", "count_distinct"} else None
            value = expected.get(tuple(row[key.name] for key in feature.aggregate.keys), empty)
            assert values[feature.name] == (pytest.approx(value) if isinstance(value, float) else value), feature.name


def plain_query(sql: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What DuckDB gives for a query over events; instants as µs."""
    instants = {"ordered_at": pa.timestamp("us", tz="UTC"), "_src_timestamp": pa.timestamp("us", tz="UTC")}
    columns = {
        name: pa.array([row[name] for row in rows], instants.get(name))
        for name in rows[0]
        if name not in {"_raw", "_error"}
    }
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("Orders", pa.table(columns))
    found = connection.sql(sql).to_arrow_table().to_pylist()
    return [{name: micros(value) for name, value in row.items()} for row in found]


def micros(value: Any) -> Any:
    return (value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value
