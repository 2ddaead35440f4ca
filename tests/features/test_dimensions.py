"""As-of joins as they are written, and what is refused when a file loads, at its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import load_views

HEAD = """
from datetime import datetime
from headrace import (
    DeltaTable, Dimension, FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time,
    sql_transformation, transformation
)

class Tx(Source):
    history = IcebergTable("raw.tx")
    account: str
    merchant: str
    shop: int
    amt: float
    ts: datetime = event_time()
"""
DIMENSION = """
class Merchants(Dimension):
    history = IcebergTable("ref.merchants")
    key = "merchant"
    merchant: str
    category: str | None
    risk: float
    since: datetime = event_time()
"""
COUNT = "tx.groupby('account').window(wspec).count()"
JOINED = "tx.groupby('account')[tx.asof_join(Merchants)['risk']].window(wspec).max()"
Load = Callable[..., ViewPlan]


def feature(body: str) -> str:
    return f"""
@transformation
def f(tx: Tx, wspec: WindowSpec):
    return {body}

class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [f.over("1h")]
"""


def loading(folder: Path) -> Load:
    """What gives the plan of the view in a file made of pieces."""

    def make(*pieces: str) -> ViewPlan:
        path = folder / "user.py"
        path.write_text("".join((HEAD, *pieces)))
        return plan_view(load_views(path).views["fraud"])

    return make


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loading(tmp_path)


def line_of(text: str, *pieces: str) -> int:
    """The line of a text within the loaded file."""
    return "".join((HEAD, *pieces)).split(text)[0].count("\n") + 1


DIMENSIONS = [
    ('    history = IcebergTable("ref.merchants")\n', "", DefinitionError, "no rows; set `history = IcebergTable"),
    ('"ref.merchants"', '"merchants"', DefinitionError, "IcebergTable('merchants'); expected 'namespace.table'"),
    ('IcebergTable("ref.merchants")', 'KafkaTopic("m")', DefinitionError, "expected IcebergTable or DeltaTable"),
    ('    key = "merchant"\n', "", DefinitionError, "key = None; expected a column's name"),
    ('key = "merchant"', "key = []", DefinitionError, "key = []; expected a column's name"),
    ('key = "merchant"', 'key = ["merchant", "merchant"]', DefinitionError, "a list of different ones"),
    ('key = "merchant"', 'key = "merchnt"', UnknownColumnError, "key 'merchnt' is no column; did you mean 'merchant'?"),
    ('key = "merchant"', 'key = "risk"', ColumnTypeError, "key 'risk' is float; a key must be bool, int, str"),
    (" = event_time()\n", " | None = event_time()\n", DefinitionError, "must be a `datetime` that is never None"),
    ('key = "merchant"', 'key = "merchant"\n    delay = "soon"', DefinitionError, "delay: 'soon' is no duration"),
    ('key = "merchant"', 'key = "merchant"\n    dely = "1m"', DefinitionError, "did you mean 'delay'?"),
    ('key = "merchant"', 'key = "merchant"\n    delay: str', DefinitionError, "'delay' is an option of dimensions"),
    ("risk: float", "risk: bytes", DefinitionError, "column 'risk' has type"),
]


@pytest.mark.parametrize(("written", "instead", "kind", "message"), DIMENSIONS)
def test_a_dimension_that_cannot_be_meant_is_refused_at_its_line(
    load: Load, written: str, instead: str, kind: type[HeadraceError], message: str
) -> None:
    dimension = DIMENSION.replace(written, instead)
    assert dimension != DIMENSION
    with pytest.raises(kind) as error:
        load(dimension, feature(JOINED))
    assert message in str(error.value)
    assert f"user.py:{line_of('class Merchants', dimension)}: dimension Merchants: " in str(error.value)


JOINS = [
    ("tx.asof_join(Tx)", DefinitionError, "asof_join expects a dimension, such as `class Merchants(Dimension)`"),
    ("tx.asof_join('Merchants')", DefinitionError, "found 'Merchants'"),
    (
        "tx.asof_join(Merchants, by='mercant')",
        UnknownColumnError,
        "'mercant' is no column of Tx; did you mean 'merchant'?",
    ),
    ("tx.asof_join(Merchants, by='shop')", ColumnTypeError, "Tx.shop is int and Merchants.merchant is str"),
    ("tx.asof_join(Merchants, by=['merchant', 'shop'])", DefinitionError, "expected a column for each of the key"),
    ("tx.asof_join(Merchants, by=[])", DefinitionError, "by = []; expected a column for each of the key of Merchants"),
    ("tx.asof_join(Merchants)['rsk']", UnknownColumnError, "'rsk' is no column of Tx; did you mean 'risk'?"),
    ("tx.asof_join(Merchants).asof_join(Merchants)", DefinitionError, "asof_join(Merchants, prefix='merchants_')"),
    ("tx.assign(risk=tx.amt).asof_join(Merchants)", DefinitionError, "'risk' is a column of Tx and of Merchants"),
    ("tx.asof_join(Merchants).groupby('category')", UnsupportedError, "'category' is a computed column and cannot be"),
]


@pytest.mark.parametrize(("body", "kind", "message"), JOINS)
def test_a_join_that_cannot_be_made_is_refused_at_its_line(
    load: Load, body: str, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind) as error:
        load(DIMENSION, feature(body))
    assert message in str(error.value)
    assert f"user.py:{line_of('    return', DIMENSION, feature(body))}: f: " in str(error.value)


def test_two_dimensions_of_one_name_are_refused(load: Load) -> None:
    other = DIMENSION.replace("class Merchants", "class MERCHANTS").replace("ref.merchants", "ref.others")
    body = "tx.groupby('account')[tx.asof_join(Merchants).risk + tx.asof_join(MERCHANTS).risk].window(wspec).max()"
    with pytest.raises(DefinitionError, match="its features join two dimensions named 'MERCHANTS'"):
        load(DIMENSION, other, feature(body))


CHANGES = [
    ('key = "merchant"', 'key = "merchant"\n    delay = "1us"'),
    ("ref.merchants", "ref.shops"),
    ('IcebergTable("ref.merchants")', 'DeltaTable("ref.merchants")'),
    ("since", "valid_from"),
]


@pytest.mark.parametrize(("written", "instead"), CHANGES)
def test_what_decides_which_version_is_seen_makes_another_version(load: Load, written: str, instead: str) -> None:
    before, after = load(DIMENSION, feature(JOINED)), load(DIMENSION.replace(written, instead), feature(JOINED))
    assert before.version != after.version
    assert before.groups[0].fingerprint != after.groups[0].fingerprint


def test_a_column_that_nobody_reads_changes_no_version(load: Load) -> None:
    more = DIMENSION.replace("    risk: float\n", '    risk: float\n    city: str | None\n    """More."""\n')
    assert load(more, feature(JOINED)).version == load(DIMENSION, feature(JOINED)).version


@pytest.mark.parametrize("body", [JOINED, JOINED.replace("risk", "category").replace("max", "last")])
def test_what_a_join_makes_dead_letters_no_other_feature_has(load: Load, body: str) -> None:
    """So the tiles of a feature beside a join are others, and others again beside a join of another column."""
    beside = (
        feature(COUNT).replace("def f(", "def g(").replace("class Fraud", "class Other").replace("f.over", "g.over")
    )
    both = feature(body).replace("[f.over", "[g.over('1h'), f.over")
    alone, joined = load(DIMENSION, feature(COUNT)), load(DIMENSION, beside, both)
    counted = joined.feature("g_1h").group
    assert joined.group(counted).filter is None
    assert counted != alone.groups[0].fingerprint
    risk = load(DIMENSION, beside, feature(JOINED).replace("[f.over", "[g.over('1h'), f.over"))
    assert (counted == risk.feature("g_1h").group) == (body == JOINED)


def test_a_view_without_joins_has_the_version_that_it_had(load: Load) -> None:
    assert load(feature(COUNT)).version == load(DIMENSION, feature(COUNT)).version


def in_sql(text: str, dimension: str = DIMENSION) -> tuple[str, ...]:
    """A feature of SQL over the source and a dimension."""
    return (dimension, feature(COUNT).replace("@transformation", "@sql_transformation").replace(COUNT, f'"""{text}"""'))


ON = "tx.merchant = m.merchant AND tx.ts >= m.since"
JOIN = f"ASOF LEFT JOIN Merchants AS m ON {ON}"
IN_SQL = [
    (f"SELECT max(m.risk) FROM tx {JOIN} GROUP BY account", JOINED),
    (
        f"SELECT count(*) FROM tx {JOIN.replace('AS m', 'm')} WHERE m.category = 'fuel' AND amt > 1 GROUP BY account",
        "tx[(tx.asof_join(Merchants)['category'] == 'fuel') & (tx.amt > 1)].groupby('account').window(wspec).count()",
    ),
    (
        f"SELECT max(fee) FROM (SELECT account, ts, amt * m.risk AS fee FROM tx {JOIN}) GROUP BY account",
        "tx.groupby('account')[tx.amt * tx.asof_join(Merchants)['risk']].window(wspec).max()",
    ),
    (
        "SELECT max(a.risk - b.risk) FROM tx "
        "ASOF LEFT JOIN Merchants AS a ON tx.merchant = a.merchant AND tx.ts >= a.since "
        "ASOF LEFT JOIN Merchants AS b ON ts >= b.since AND tx.account = b.merchant GROUP BY account",
        "tx.groupby('account')[tx.asof_join(Merchants)['risk'] - tx.asof_join(Merchants, by='account', prefix='b')"
        "['brisk']].window(wspec).max()",
    ),
    (f"SELECT max(m.risk) FROM tx {JOIN.replace('LEFT', 'LEFT OUTER')} GROUP BY account", JOINED),
    (
        "SELECT max(m.risk) FROM tx ASOF LEFT JOIN Merchants AS m "
        "ON ((tx.merchant = m.merchant) AND (tx.ts >= m.since)) GROUP BY account",
        JOINED,
    ),
]


@pytest.mark.parametrize(("sql", "python"), IN_SQL, ids=range(len(IN_SQL)))
def test_a_join_in_sql_is_the_same_plan_as_in_python(load: Load, sql: str, python: str) -> None:
    assert load(*in_sql(sql)).version == load(DIMENSION, feature(python)).version


def test_a_delay_is_part_of_what_a_join_says_in_sql(load: Load) -> None:
    delayed = DIMENSION.replace('    key = "merchant"\n', '    key = "merchant"\n    delay = "10m"\n')
    joined = f"SELECT max(m.risk) FROM tx {JOIN}{{}} GROUP BY account"
    with pytest.raises(DefinitionError, match=r"m.merchant AND ts >= m.since \+ INTERVAL '10' MINUTE"):
        load(*in_sql(joined.format(""), delayed))
    plan = load(*in_sql(joined.format(" + INTERVAL '10' MINUTE"), delayed))
    assert plan.version == load(delayed, feature(JOINED)).version


WRONG_IN_SQL = [
    (f"SELECT count(*) FROM tx ASOF JOIN Merchants AS m ON {ON} GROUP BY account", UnsupportedError, "ASOF LEFT JOIN"),
    (
        f"SELECT count(*) FROM tx LEFT JOIN Merchants AS m ON {ON} GROUP BY account",
        UnsupportedError,
        "Merchants has an event time, since, so its rows are versions: write ASOF LEFT JOIN",
    ),
    (f"SELECT count(*) FROM tx ASOF LEFT JOIN Mercants AS m ON {ON} GROUP BY account", DefinitionError, "'Merchants'"),
    (
        "SELECT count(*) FROM tx ASOF LEFT JOIN Merchants AS m ON tx.merchant = m.merchant GROUP BY account",
        DefinitionError,
        "expected ON merchant = m.merchant AND ts >= m.since",
    ),
    (
        f"SELECT count(*) FROM tx {JOIN} AND m.risk > 1 GROUP BY account",
        DefinitionError,
        "expected ON",
    ),
    (
        "SELECT count(*) FROM tx ASOF LEFT JOIN Merchants AS m ON tx.merchant = m.merchant AND tx.ts > m.since "
        "GROUP BY account",
        DefinitionError,
        "expected ON",
    ),
    (
        "SELECT count(*) FROM tx ASOF LEFT JOIN Merchants AS m ON tx.shop = m.merchant AND tx.ts >= m.since "
        "GROUP BY account",
        ColumnTypeError,
        "Tx.shop is int and Merchants.merchant is str",
    ),
    (
        f"SELECT max(m.rsk) FROM tx {JOIN} GROUP BY account",
        UnknownColumnError,
        "'m.risk'",
    ),
    (
        f"SELECT max(risk) FROM tx {JOIN} GROUP BY account",
        UnknownColumnError,
        "'risk' is",
    ),
    (
        f"SELECT count(*) FROM tx {JOIN} GROUP BY m.category",
        UnsupportedError,
        "a computed column|field",
    ),
    (
        f"SELECT count(*) FROM (SELECT * FROM tx {JOIN}) GROUP BY account",
        UnsupportedError,
        "name those that are wanted",
    ),
    (
        f"SELECT count(*) FROM tx {JOIN} ASOF LEFT JOIN Merchants AS n ON n.merchant = m.merchant AND tx.ts >= n.since "
        "GROUP BY account",
        DefinitionError,
        "m.merchant: 'm' is not the source, and a join by what another join looked up is not supported; known: tx",
    ),
    (
        f"SELECT count(*) FROM tx {JOIN.replace('tx.ts', 'm.ts')} GROUP BY account",
        DefinitionError,
        "m.ts: 'm' is not the source",
    ),
]


@pytest.mark.parametrize(("sql", "kind", "message"), WRONG_IN_SQL, ids=range(len(WRONG_IN_SQL)))
def test_a_join_in_sql_that_cannot_be_made_is_refused_at_its_line(
    load: Load, sql: str, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=message) as found:
        load(*in_sql(sql))
    assert ".py:" in str(found.value)
