"""Features as SQL: the same aggregate as in Python, and every refusal at its line and column, with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import Definitions, View, load_views
from headrace.features.knobs import Knobs
from headrace.features.sql.refused import REFUSED

SOURCE = """
from datetime import datetime
from typing import Literal
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, sql_transformation, transformation

class Tx(Source):
    live = KafkaTopic("tx")
    account: str
    merchant: str
    amt: float
    cents: int
    ok: bool
    status: Literal["paid", "failed"] | None
    ts: datetime = event_time()
"""
VIEW = """
class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [f.over("1h")]
"""
HEADER = "-- view: fraud\n-- source: tx.py:Tx\n-- owner: a@b.c\n"
HOUR = "RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW"
OVER = f"OVER (PARTITION BY account ORDER BY ts {HOUR})"
Load = Callable[[str], Definitions]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a Python file that begins with the source."""

    def make(text: str) -> Definitions:
        path = tmp_path / "user.py"
        path.write_text(SOURCE + text)
        return load_views(path)

    return make


@pytest.fixture
def load_sql(tmp_path: Path) -> Callable[[str], View]:
    """Load a .sql file beside the file of the source."""

    def make(text: str) -> View:
        (tmp_path / "tx.py").write_text(SOURCE)
        path = tmp_path / "user.sql"
        path.write_text(text)
        return load_views(path).views["fraud"]

    return make


def as_sql(text: str, arguments: str = "tx: Tx, wspec: WindowSpec") -> str:
    return f'\n@sql_transformation\ndef f({arguments}):\n    return """{text}"""\n'


def as_python(body: str, arguments: str = "tx: Tx, wspec: WindowSpec") -> str:
    return f"\n@transformation\ndef f({arguments}):\n    return {body}\n"


PAIRS = [
    ("SELECT account, count(*) FROM tx GROUP BY account", "tx.groupby('account').window(wspec).count()"),
    ("SELECT count(*) FROM tx GROUP BY account; -- no more", "tx.groupby('account').window(wspec).count()"),
    ("SELECT count(*) AS f FROM Tx GROUP BY account", "tx.groupby('account').window(wspec).count()"),
    (
        "SELECT sum(cents) FROM tx WHERE status = 'failed' GROUP BY merchant, account",
        "tx[tx.status == 'failed'].groupby(['merchant', 'account'])['cents'].window(wspec).sum()",
    ),
    (
        "SELECT avg(t.AMT * 2) FILTER (WHERE ok) FROM tx AS t WHERE t.cents > 1 GROUP BY t.account",
        "tx[tx.cents > 1][tx.ok].groupby('account')[tx.amt * 2].window(wspec).mean()",
    ),
    (
        "SELECT max(cents) FILTER (WHERE cents > -9223372036854775808) FROM tx GROUP BY account",
        "tx[tx.cents > -(2**63)].groupby('account')['cents'].window(wspec).max()",
    ),
    ("SELECT count(status) FROM tx GROUP BY account", "tx.groupby('account')['status'].window(wspec).count()"),
    (
        "SELECT count(DISTINCT merchant) FROM tx GROUP BY account",
        "tx.groupby('account')['merchant'].window(wspec).count_distinct()",
    ),
    (
        "SELECT approx_count_distinct(merchant) FROM tx GROUP BY account",
        "tx.groupby('account')['merchant'].window(wspec).count_distinct()",
    ),
    ("SELECT stddev_samp(amt) FROM tx GROUP BY account", "tx.groupby('account')['amt'].window(wspec).std()"),
    (
        "SELECT count(*) FILTER (WHERE ok) / count(*) FROM tx GROUP BY account",
        "tx[tx.ok].groupby('account').window(wspec).count() / tx.groupby('account').window(wspec).count()",
    ),
    (
        "SELECT quantiles(amt, [0.5, 0.99]) FROM tx GROUP BY account",
        "tx.groupby('account')['amt'].window(wspec).quantiles([0.5, 0.99])",
    ),
    (
        "SELECT approx_quantile(amt, 1) FROM tx GROUP BY account",
        "tx.groupby('account')['amt'].window(wspec).quantile(1)",
    ),
    ("SELECT top_k(cents, 3) FROM tx GROUP BY account", "tx.groupby('account')['cents'].window(wspec).top_k(3)"),
    ("SELECT last_n(amt, 3) FROM tx GROUP BY account", "tx.groupby('account')['amt'].window(wspec).last_n(3)"),
    ("SELECT variance(amt) FROM tx GROUP BY account", "tx.groupby('account')['amt'].window(wspec).var()"),
    ("SELECT std(amt) FROM tx GROUP BY account", "tx.groupby('account')['amt'].window(wspec).std()"),
    ("SELECT last_value(status) FROM tx GROUP BY account", "tx.groupby('account')['status'].window(wspec).last()"),
    (
        "SELECT sum(t.fee) FROM (SELECT *, cents * 2 AS fee FROM tx WHERE ok) AS t WHERE t.fee > 9 GROUP BY account",
        "tx[tx.ok][tx.cents * 2 > 9].groupby('account')[tx.cents * 2].window(wspec).sum()",
    ),
    (
        "WITH good AS (SELECT account, cents, amt + 1 AS more FROM tx WHERE ok), "
        "dear AS (SELECT g.*, more * 2 AS most FROM good AS g WHERE cents > 5) "
        "SELECT max(most) FROM dear WHERE more > 1 GROUP BY dear.account",
        "tx[tx.ok][tx.cents > 5][tx.amt + 1 > 1].groupby('account')[(tx.amt + 1) * 2].window(wspec).max()",
    ),
    (
        "WITH tx AS (SELECT account, status AS x FROM tx) SELECT last(x) FROM (SELECT * FROM tx) GROUP BY account",
        "tx.groupby('account')['status'].window(wspec).last()",
    ),
]


@pytest.mark.parametrize(("sql", "python"), PAIRS)
def test_sql_is_the_same_aggregate_as_python(load: Load, sql: str, python: str) -> None:
    found = [load(text + VIEW).views["fraud"].features[0] for text in (as_sql(sql), as_python(python))]
    assert found[0].aggregate == found[1].aggregate
    assert [(one.name, one.window_us, one.tile_us) for one in found] == [("f_1h", 3_600_000_000, 300_000_000)] * 2


def test_sql_in_a_feature_file_may_be_over_calendar_days(load: Load) -> None:
    view = VIEW.replace('"1h"', 'CalendarDays(1, zone="Europe/Paris")')
    text = "\nfrom headrace import CalendarDays" + as_sql("SELECT sum(cents) FROM tx GROUP BY account")
    (found,) = load(text + view).views["fraud"].features
    assert (found.name, found.zone) == ("f_1cd", "Europe/Paris")


def test_a_function_without_a_window_is_an_as_of_feature(load: Load) -> None:
    view = VIEW.replace('f.over("1h")', "f")
    texts = (
        as_sql("SELECT last(amt) FROM tx GROUP BY account", "tx: Tx"),
        as_python("tx.groupby('account')['amt'].last()", "tx: Tx"),
    )
    found = [load(text + view).views["fraud"].features[0] for text in texts]
    assert found[0].aggregate == found[1].aggregate
    assert found[0].window_us is None


BODIES = [
    ("SELECT count(*) FROM tx WHERE stauts = 'x' GROUP BY account", 31, UnknownColumnError, "did you mean 'status'"),
    ("SELECT count(*) FROM tx GROUP BY acount", 34, UnknownColumnError, "did you mean 'account'"),
    ("SELECT count(*) FROM tx WHERE x.amt > 1 GROUP BY account", 31, UnknownColumnError, "'x' is not in FROM"),
    ("SELECT sum(uper(status)) FROM tx GROUP BY account", 12, UnsupportedError, "'uper'.*did you mean 'upper'"),
    ("SELECT sum(frobnicate(amt)) FROM tx GROUP BY account", 12, UnsupportedError, r"'frobnicate'.*docs/sql\.md"),
    ("SELECT median(amt) FROM tx GROUP BY account", 8, UnsupportedError, r"'median'.*write approx_quantile\(x, 0.5\)"),
    (
        "SELECT quantile_cont(amt, 0.5) FROM tx GROUP BY account",
        22,
        UnsupportedError,
        "an exact quantile cannot be had",
    ),
    (
        "SELECT quantile_disc(amt, 0.5) FROM tx GROUP BY account",
        22,
        UnsupportedError,
        "an exact quantile cannot be had",
    ),
    (
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amt) FROM tx GROUP BY account",
        8,
        UnsupportedError,
        "'within group'.*an exact quantile cannot be had",
    ),
    ("SELECT meann(amt) FROM tx GROUP BY account", 8, UnsupportedError, "'meann'.*did you mean 'mean'"),
    ("SELECT approx_quantile(amt, 2) FROM tx GROUP BY account", 24, DefinitionError, "expected a share from 0 to 1"),
    (
        "SELECT approx_quantile(amt, [0.5, 0.9]) FROM tx GROUP BY account",
        24,
        DefinitionError,
        "quantile.*expected a share",
    ),
    (
        "SELECT quantiles(amt, [0.5, cents]) FROM tx GROUP BY account",
        29,
        DefinitionError,
        "must be a constant, found cents",
    ),
    ("SELECT summ(amt) FROM tx GROUP BY account", 8, UnsupportedError, "did you mean 'sum'"),
    ("SELECT last_n(amt, 0) FROM tx GROUP BY account", 8, DefinitionError, "expected 1 to 100"),
    ("SELECT last_n(amt, cents) FROM tx GROUP BY account", 20, DefinitionError, "must be a constant, found cents"),
    ("SELECT last_n(amt) FROM tx GROUP BY account", 8, DefinitionError, "missing 1 required positional argument: 'n'"),
    ("SELECT stddev_pop(amt) FROM tx GROUP BY account", 8, UnsupportedError, "write stddev_samp"),
    ("SELECT sum(DISTINCT amt) FROM tx GROUP BY account", 8, UnsupportedError, "count\\(DISTINCT x\\) is"),
    ("SELECT sum(status) FROM tx GROUP BY account", 8, ColumnTypeError, "sum.. of status"),
    ("SELECT sum(upper(cents)) FROM tx GROUP BY account", 12, ColumnTypeError, "upper of int"),
    ("SELECT sum(amt + status) FROM tx GROUP BY account", 12, ColumnTypeError, "add of float, str"),
    ("SELECT sum(cents % 7) FROM tx GROUP BY account", 12, UnsupportedError, "floor_mod"),
    ("SELECT sum(cents // 7) FROM tx GROUP BY account", 12, UnsupportedError, "floor_div"),
    ("SELECT sum(amt / 0) FROM tx GROUP BY account", 12, DefinitionError, "constant zero"),
    ("SELECT sum(cents + 9223372036854775808) FROM tx GROUP BY account", 20, DefinitionError, f"{2**63} is beyond 64"),
    (
        "SELECT sum(cents - -9223372036854775809) FROM tx GROUP BY account",
        21,
        DefinitionError,
        f"{-(2**63) - 1} is bey",
    ),
    (
        "SELECT count(*) FROM tx WHERE cents IN (1, 18446744073709551616) GROUP BY account",
        44,
        DefinitionError,
        "beyond 64",
    ),
    ("SELECT sum(log(amt)) FROM tx GROUP BY account", 12, UnsupportedError, "log10.x. or ln"),
    ("SELECT sum(round(amt, 16)) FROM tx GROUP BY account", 12, DefinitionError, "at most 15 digits"),
    ("SELECT last(trim(status)) FROM tx GROUP BY account", 18, UnsupportedError, "SQL's trims spaces only; strip"),
    ("SELECT last(concat(status, status)) FROM tx GROUP BY account", 13, UnsupportedError, r"write a \|\| b"),
    ("SELECT last(substr(status, 0)) FROM tx GROUP BY account", 13, DefinitionError, "from 1, found 0"),
    ("SELECT last(CAST(amt AS VARCHAR)) FROM tx GROUP BY account", 18, UnsupportedError, "print floats differently"),
    ("SELECT sum(CAST(amt AS INT)) FROM tx GROUP BY account", 17, UnsupportedError, "cast to BIGINT"),
    ("SELECT sum(EXTRACT(DOW FROM ts)) FROM tx GROUP BY account", 29, UnsupportedError, "ISODOW"),
    ("SELECT sum(EXTRACT(MILLISECOND FROM ts)) FROM tx GROUP BY account", 37, UnsupportedError, "of_second"),
    ("SELECT sum(hour(status)) FROM tx GROUP BY account", 12, ColumnTypeError, "'hour' of str"),
    ("SELECT max(ts + INTERVAL 1 MONTH) FROM tx GROUP BY account", 12, UnsupportedError, "interval in months"),
    ("SELECT max(ts + INTERVAL '1.5' HOUR) FROM tx GROUP BY account", 26, DefinitionError, "whole number"),
    ("SELECT count(*) FROM tx WHERE ts < now() GROUP BY account", 36, UnsupportedError, "same value in every run"),
    ("SELECT count(*) FROM tx WHERE ts < TIMESTAMP '2024-01-01' GROUP BY account", 46, DefinitionError, "no zone"),
    ("SELECT count(*) FROM tx WHERE ts < '2024-01-01' GROUP BY account", 31, ColumnTypeError, "datetime, str"),
    ("SELECT count(*) FROM tx WHERE amt GROUP BY account", 31, ColumnTypeError, "expected a condition, found .* float"),
    ("SELECT count(*) FROM tx WHERE ok IS TRUE GROUP BY account", 31, UnsupportedError, "coalesce"),
    ("SELECT count(*) FROM tx WHERE amt IN (SELECT 1) GROUP BY account", 31, UnsupportedError, "list of constants"),
    ("SELECT count(*) FROM tx WHERE amt > (SELECT 1) GROUP BY account", 45, UnsupportedError, "reads one row"),
    ("SELECT count(*) FROM tx WHERE status ILIKE 'a' GROUP BY account", 31, UnsupportedError, "lower"),
    ("SELECT count(*) FROM tx WHERE status LIKE 'a' ESCAPE 'b' GROUP BY account", 31, UnsupportedError, "no escape"),
    ("SELECT count(*) FROM tx WHERE regexp_matches(status, '(?i)a') GROUP BY account", 31, UnsupportedError, "flags"),
    ("SELECT count(*) FROM ty GROUP BY account", 22, DefinitionError, "not the source; known: Tx, tx"),
    ("SELECT count(*) FROM db.tx GROUP BY account", 22, DefinitionError, "not the source"),
    ("SELECT count(*) GROUP BY account", 8, UnsupportedError, "expected FROM tx"),
    (
        "SELECT max(n) FROM (SELECT account, count(*) AS n FROM tx GROUP BY account) GROUP BY account",
        28,
        UnsupportedError,
        "GROUP BY in a subquery is not supported",
    ),
    ("SELECT count(*) FROM (SELECT merchant AS account FROM tx) GROUP BY account", 30, DefinitionError, "of Tx; give"),
    ("SELECT sum(amt) FROM (SELECT account FROM tx) GROUP BY account", 12, UnknownColumnError, "'amt' is no column"),
    (
        "SELECT sum(x) FROM (SELECT *, cents * 2 FROM tx) GROUP BY account",
        31,
        DefinitionError,
        r"write cents \* 2 AS name",
    ),
    ("SELECT sum(x) FROM (SELECT *, ok FROM tx) GROUP BY account", 31, DefinitionError, "'ok' is selected twice"),
    (
        "SELECT sum(x) FROM (SELECT * FROM tx UNION ALL SELECT * FROM tx) GROUP BY account",
        28,
        UnsupportedError,
        "one SE",
    ),
    (
        "SELECT count(*) FROM (SELECT * FROM tx WHERE cents) GROUP BY account",
        46,
        ColumnTypeError,
        "expected a condition",
    ),
    ("SELECT count(*) FROM (SELECT DISTINCT * FROM tx) GROUP BY account", 39, UnsupportedError, "DISTINCT is not"),
    ("SELECT count(*) FROM tx", 8, DefinitionError, "expected GROUP BY"),
    ("SELECT count(*) FROM tx GROUP BY upper(status)", 34, UnsupportedError, "a key must be a column"),
    ("SELECT count(*) FROM tx GROUP BY amt", 8, ColumnTypeError, "'amt' is float"),
    ("SELECT count(*) FROM tx GROUP BY account, account", 8, DefinitionError, "different columns"),
    ("SELECT account FROM tx GROUP BY account", 8, DefinitionError, "no feature"),
    ("SELECT merchant, count(*) FROM tx GROUP BY account", 8, DefinitionError, "neither aggregated nor a key"),
    ("SELECT count(*), sum(amt) FROM tx GROUP BY account", 8, DefinitionError, "expected one aggregate, found 2"),
    ("SELECT amt + 1 FROM tx GROUP BY account", 8, UnsupportedError, "aggregate 'add'"),
    ("SELECT count(*) AS g FROM tx GROUP BY account", 20, DefinitionError, "write AS f"),
    (f"SELECT count(*) {OVER} FROM tx GROUP BY account", 8, UnsupportedError, r"\.over\('1h'\)"),
    ("SELECT count(*) FROM tx GROUP BY account HAVING count(*) > 1", 49, UnsupportedError, "HAVING is not"),
    ("SELECT count(*) FROM tx GROUP BY account ORDER BY account", 51, UnsupportedError, "ORDER BY is not"),
    ("SELECT count(*) FROM tx GROUP BY account LIMIT 5", 48, UnsupportedError, "LIMIT is not"),
    ("SELECT count(*) FROM tx JOIN ty USING (account) GROUP BY account", 30, UnsupportedError, "JOIN is not"),
    ("WITH a AS (SELECT 1 AS x) SELECT count(*) FROM tx GROUP BY account", 19, UnsupportedError, "expected FROM tx"),
    (
        "WITH RECURSIVE a AS (SELECT * FROM a) SELECT count(*) FROM a GROUP BY account",
        16,
        UnsupportedError,
        "RECURSIVE",
    ),
    (
        "WITH a AS (SELECT * FROM b) SELECT count(*) FROM a GROUP BY account",
        26,
        DefinitionError,
        "FROM b: not the source",
    ),
    ("SELECT DISTINCT count(*) FROM tx GROUP BY account", 17, UnsupportedError, "DISTINCT is not"),
    ("SELECT count(*) FROM tx, ty GROUP BY account", 26, UnsupportedError, "JOIN is not"),
    ("SELECT count(*) FROM tx TABLESAMPLE (10 PERCENT) GROUP BY account", 38, UnsupportedError, "a sample is not"),
    ("SELECT count(*) FROM tx AS t(a, b) GROUP BY account", 30, UnsupportedError, "another name of a column"),
    ("SELECT count(*) FROM tx FOR SYSTEM_TIME AS OF ts GROUP BY account", 47, UnsupportedError, "a version of"),
    ("SELECT count(*) FROM ONLY tx GROUP BY account", 27, UnsupportedError, "only of table is not"),
    ("SELECT count(*) FROM tx GROUP BY account FOR UPDATE", 8, UnsupportedError, "locks of select is not"),
    ("SELECT count(*) FROM tx GROUP BY ALL", 8, UnsupportedError, "all of group is not"),
    ("SELECT count(*) FROM tx GROUP BY ROLLUP (account)", 42, UnsupportedError, "a key must be a column"),
    ("SELECT count(* EXCLUDE (ts)) FROM tx GROUP BY account", 25, UnsupportedError, "except of star is not"),
    ("SELECT last(round(amt, 0, 1)) FROM tx GROUP BY account", 27, UnsupportedError, "truncate of round is not"),
    ("SELECT last(strpos(status, 'a', 2)) FROM tx GROUP BY account", 33, UnsupportedError, r"strpos\(substring"),
    ("SELECT last(CAST(status AS BIGINT FORMAT 'x')) FROM tx GROUP BY account", 42, UnsupportedError, "format of cast"),
    ("SELECT last(amt ORDER BY cents) FROM tx GROUP BY account", 13, UnsupportedError, "order is not supported"),
    ("SELECT count(DISTINCT account, merchant) FROM tx GROUP BY account", 32, DefinitionError, "must be a constant"),
    ("SELECT count(* FROM tx GROUP BY account", 16, DefinitionError, "Expecting \\)"),
    ("SELECT count(*) FROM tx GROUP BY `account`", 35, DefinitionError, "found 'account'; names are quoted by \""),
    ("SELECT count(*) FRM tx GROUP BY account", 21, DefinitionError, "found 'tx'"),
    ("SELECT max(CAST(ts AS TIME)) FROM tx GROUP BY account", 17, UnsupportedError, "write TIMESTAMPTZ .* or DATE"),
    ("SELECT max(DATE '2023-02-30') FROM tx GROUP BY account", 17, DefinitionError, "is no date; write DATE '2024-02"),
    (
        "SELECT count(*) FROM tx WHERE CAST(ts AS DATE) - DATE '2024-01-01' > 1 GROUP BY account",
        36,
        UnsupportedError,
        "date_diff",
    ),
    (
        "SELECT max(CAST(ts AS DATE) + INTERVAL '36' HOUR) FROM tx GROUP BY account",
        17,
        ColumnTypeError,
        "add of date, in",
    ),
    (
        "SELECT max(HOUR(CAST(ts AS DATE))) FROM tx GROUP BY account",
        12,
        ColumnTypeError,
        "hour of date is not supported",
    ),
    ("SELECT last(regexp_replace(status, 'a', 'b')) FROM tx GROUP BY account", 13, UnsupportedError, "'b', 'g'"),
    ("SELECT last(regexp_matches(status, 'a', 'i')) FROM tx GROUP BY account", 13, UnsupportedError, "with options"),
    ("SELECT last(regexp_extract(status, 'a', 1)) FROM tx GROUP BY account", 13, DefinitionError, "no group 1"),
    ("SELECT last(regexp_matches(status, 'a(?=b)')) FROM tx GROUP BY account", 13, UnsupportedError, "look-ahead"),
    ("SELECT max(CAST(cents AS TIMESTAMPTZ)) FROM tx GROUP BY account", 17, UnsupportedError, "write to_timestamp"),
    ("SELECT 'a FROM tx", 8, DefinitionError, "nothing closes this '"),
    ("SELECT 1 /* a", 1, DefinitionError, "a quote or a comment is not closed"),
    ("SELEC count(*) FROM tx", 1, DefinitionError, "cannot begin with 'SELEC'; did you mean 'SELECT'"),
    ("SELEC cents FROM tx", 1, DefinitionError, "cannot begin with 'SELEC'; did you mean 'SELECT'"),
    ("FROBNICATE tx", 1, DefinitionError, "cannot begin with 'FROBNICATE'; known: SELECT, WITH"),
    ("SELECT sum(cents +) FROM tx", 19, DefinitionError, r"Something is missing, found '\)'"),
    ("SELECT sum(cents) FROM", 19, DefinitionError, "Expected table name, found 'FROM'"),
    ("SELECT sum(a) FROM tx UNION SELECT sum(b) FROM tx", 23, DefinitionError, "expected one SELECT, found UNION"),
    ("SELECT a FROM (SELECT 1 UNION SELECT 2) EXCEPT SELECT 1", 41, DefinitionError, "found EXCEPT"),
    (
        "SELECT string_agg(status, ',') FROM tx GROUP BY account",
        19,
        UnsupportedError,
        "'string_agg' is not supported; write last_n",
    ),
    ("SELECT bool_or(ok) FROM tx GROUP BY account", 8, UnsupportedError, "'bool_or' is not supported"),
    ("DELETE FROM tx", 1, DefinitionError, "expected one SELECT, found DELETE"),
    (";SELECT 1;; SELECT 2; SELECT 3", 13, DefinitionError, "found SELECT and SELECT and SELECT"),
    ("SELECT 1; /* a */ ; SELECT 2", 21, DefinitionError, "found SELECT and SELECT"),
    ("; -- a", 1, DefinitionError, "found nothing"),
    ("", 0, DefinitionError, "found nothing"),
]


@pytest.mark.parametrize(("sql", "column", "kind", "message"), BODIES)
def test_wrong_sql_is_refused_at_its_column(
    load: Load, sql: str, column: int, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=message) as found:
        load(as_sql(sql) + VIEW)
    line = (SOURCE + as_sql(sql)).count("\n", 0, (SOURCE + as_sql(sql)).index("return")) + 1
    begin = len('    return """')
    place = f"{line}:{begin + column}: " if column else f"{line - 2}: "
    assert re.match(rf".*user\.py:{place}", str(found.value)), str(found.value)


#: Each word that is refused for a reason, in an expression.
WORDS = {
    "%": "cents % 2",
    "//": "cents // 2",
    "trim": "trim(merchant)",
    "concat": "concat(merchant, merchant)",
    "concat_ws": "concat_ws('-', merchant)",
    "timestampdiff": "timestampdiff(HOUR, ts, ts)",
    "dayofweek": "dayofweek(ts)",
    "extract dow": "EXTRACT(DOW FROM ts)",
    "extract dayofweek": "date_part('dayofweek', ts)",
    "extract millisecond": "EXTRACT(MILLISECOND FROM ts)",
    "extract microsecond": "EXTRACT(MICROSECOND FROM ts)",
    "now": "now()",
    "current_timestamp": "CURRENT_TIMESTAMP",
    "current_date": "CURRENT_DATE",
    "random": "random()",
    "regexp_matches": "regexp_matches(merchant, 'a')",
    "regexp_extract": "regexp_extract(merchant, 'a')",
    "regexp_replace": "regexp_replace(merchant, 'a', 'b')",
    "ilike": "merchant ILIKE 'a'",
    "escape": "merchant LIKE 'a' ESCAPE 'b'",
    "hash": "hash(merchant)",
    "isnan": "isnan(amt)",
    "strftime": "strftime(ts, '%H')",
    "subquery": "(SELECT 1)",
    "exists": "EXISTS (SELECT 1)",
    "window": f"count(*) {OVER}",
    "xor": "xor(ok, ok)",
}


@pytest.mark.parametrize("word", REFUSED)
def test_each_refused_word_says_what_to_write(load: Load, word: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(REFUSED[word])):
        load(as_sql(f"SELECT last({WORDS[word]}) FROM tx GROUP BY account") + VIEW)


def test_a_column_is_that_of_the_file_in_any_line(load: Load) -> None:
    text = "\n        SELECT count(*)\n        FROM tx\n        WHERE stauts = 'x'\n        GROUP BY account\n    "
    with pytest.raises(UnknownColumnError, match=r"user\.py:21:15: f: 'stauts' is no column of Tx") as found:
        load(as_sql(text) + VIEW)
    assert "stauts" in (SOURCE + as_sql(text)).splitlines()[20][14:]
    assert isinstance(found.value, DefinitionError)


def test_computed_sql_is_refused_at_its_function_and_its_own_line(load: Load) -> None:
    body = "'SELECT count(*) FROM tx' + chr(10) + 'WHERE stauts = 1 GROUP BY account'"
    text = f"\n@sql_transformation\ndef f(tx: Tx, wspec: WindowSpec):\n    return {body}\n"
    with pytest.raises(UnknownColumnError, match=r"user\.py:16: line 2:7 of its SQL: f: 'stauts'"):
        load(text + VIEW)


def test_a_function_that_returns_no_text_is_refused(load: Load) -> None:
    with pytest.raises(DefinitionError, match=r"user\.py:16: f must return its SQL as text, found 5"):
        load("\n@sql_transformation\ndef f(tx: Tx, wspec: WindowSpec):\n    return 5\n" + VIEW)
    with pytest.raises(DefinitionError, match=r"user\.py:18: f: division by zero"):
        load("\n@sql_transformation\ndef f(tx: Tx, wspec: WindowSpec):\n    return 1 / 0\n" + VIEW)


def test_a_file_of_sql_is_a_view(load_sql: Callable[[str], View]) -> None:
    view = load_sql(
        "-- What the model looks at, in words that are no option.\n"
        f"{HEADER}-- description: Payments.\n-- tile: 1h\n-- clock: event\n-- tile.sums_30d: 1d\n"
        "-- optimize: latency\n-- freshness: 2s\n\n"
        f"SELECT account, count(*) {OVER} AS counts_1h, sum(cents) OVER days AS sums_30d,\n"
        "  last(status) OVER (PARTITION BY merchant ORDER BY ts) AS newest\n"
        "FROM tx WINDOW days AS (PARTITION BY account, merchant ORDER BY ts RANGE INTERVAL 30 DAY PRECEDING)\n"
    )
    assert (view.owner, view.description, view.clock, view.source.name) == ("a@b.c", "Payments.", "event", "Tx")
    assert view.knobs == Knobs("latency", 2_000_000)
    hour, day = 3_600_000_000, 86_400_000_000
    assert [(one.name, one.transformation, one.window_us, one.tile_us) for one in view.features] == [
        ("counts_1h", "counts", hour, hour),
        ("sums_30d", "sums", 30 * day, day),
        ("newest", "newest", None, hour),
    ]
    assert [[key.name for key in one.aggregate.keys] for one in view.features] == [
        ["account"],
        ["account", "merchant"],
        ["merchant"],
    ]


def select(over: str, name: str = "n_1h", aggregate: str = "count(*)") -> str:
    return f"SELECT {aggregate} OVER ({over}) AS {name} FROM Tx"


KEYED = "PARTITION BY account ORDER BY ts"
FILES = [
    (select(f"ORDER BY ts {HOUR}"), 8, "at least one"),
    (select(f"PARTITION BY account {HOUR}"), 8, "expected ORDER BY ts, found no ORDER BY"),
    (select(f"PARTITION BY account ORDER BY ts DESC {HOUR}"), 53, "expected ORDER BY ts, found"),
    (select(f"PARTITION BY account ORDER BY amt {HOUR}"), 53, "expected ORDER BY ts, found"),
    (select(f"PARTITION BY account ORDER BY ts, amt {HOUR}"), 53, "expected ORDER BY ts, found"),
    (select(f"{KEYED} ROWS BETWEEN 5 PRECEDING AND CURRENT ROW"), 8, "ROWS counts rows"),
    (
        select(f"{KEYED} RANGE BETWEEN date_trunc('day', ts) PRECEDING AND CURRENT ROW"),
        8,
        "the window begins at DATE_TRUNC",
    ),
    (select(f"{KEYED} {HOUR}", "n_1cd"), 118, "has a window of 1h, which its name must end in"),
    (select(f"{KEYED} {HOUR} EXCLUDE CURRENT ROW"), 8, "EXCLUDE CURRENT ROW counts"),
    (select(f"{KEYED} {HOUR} EXCLUDE TIES"), 8, "EXCLUDE TIES counts"),
    (select(f"{KEYED} {HOUR} EXCLUDE NO OTHERS"), 8, "EXCLUDE NO OTHERS counts"),
    (
        select(f"{KEYED} RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND INTERVAL 1 HOUR FOLLOWING"),
        8,
        "ends at INTERVAL '1' HOUR FOLLOWING",
    ),
    (select(f"{KEYED} RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND INTERVAL '1' DAY PRECEDING"), 79, "ends before it"),
    (select(f"{KEYED} RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' DAY PRECEDING"), 8, "begins at UNBOUNDED"),
    (
        select(f"{KEYED} RANGE BETWEEN INTERVAL '2' HOUR PRECEDING AND INTERVAL '1' HOUR PRECEDING", "n_1h"),
        134,
        "must end in: 'n_1h_lag_1h'",
    ),
    (select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(1, 'Europe/Pari') PRECEDING AND CURRENT ROW"), 70, "'Europe/Paris'"),
    (
        select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(1, 'UTC') PRECEDING AND CURRENT ROW"),
        124,
        "must end in: 'n_1h_1cd'",
    ),
    (
        select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(1) PRECEDING AND CURRENT ROW"),
        70,
        "bounded by CALENDAR_DAYS.1. PREC",
    ),
    (select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(cents, 'UTC') PRECEDING AND CURRENT ROW"), 70, "bounded by"),
    (select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(0, 'UTC') PRECEDING AND CURRENT ROW"), 70, "=0: expected 1 to 366"),
    (
        select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(2, 'UTC') PRECEDING AND CALENDAR_DAYS(1, 'Asia/Tokyo') PRECEDING"),
        70,
        "of one zone, found 'UTC' and 'Asia/Tokyo'",
    ),
    (
        select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(2, 'UTC') PRECEDING AND INTERVAL '1' DAY PRECEDING"),
        117,
        "bounded by INTERVAL '1' DAY PRECEDING",
    ),
    (
        select(f"{KEYED} RANGE BETWEEN CALENDAR_DAYS(2, 'UTC') PRECEDING AND CALENDAR_DAYS(1, 'UTC') FOLLOWING"),
        108,
        "FOLLOWING",
    ),
    (f"SELECT count(*) {OVER} / 2 AS n_1h FROM Tx", 117, "expected an aggregate with a window"),
    (
        f"SELECT count(*) {OVER} / count(*) OVER (PARTITION BY account ORDER BY ts) AS n_1h FROM Tx",
        8,
        "over the same window",
    ),
    (
        f"SELECT count(*) {OVER} / count(*) OVER (PARTITION BY merchant ORDER BY ts {HOUR}) AS n_1h FROM Tx",
        8,
        "a ratio is of one entity",
    ),
    (select(f"{KEYED} RANGE BETWEEN 5 PRECEDING AND CURRENT ROW"), 8, "begins at 5"),
    (
        select(f"{KEYED} RANGE BETWEEN INTERVAL 1 HOUR FOLLOWING AND CURRENT ROW"),
        8,
        "begins at INTERVAL '1' HOUR FOLLOWING",
    ),
    (select(f"{KEYED} RANGE BETWEEN CURRENT ROW AND CURRENT ROW"), 8, "begins at CURRENT ROW"),
    (select(f"{KEYED} RANGE BETWEEN INTERVAL '1' MONTH PRECEDING AND CURRENT ROW"), 79, "no fixed length"),
    (select(f"{KEYED} RANGE BETWEEN INTERVAL '0' HOUR PRECEDING AND CURRENT ROW"), 79, "empty"),
    (select(f"{KEYED} RANGE BETWEEN INTERVAL '1' FORTNIGHT PRECEDING AND CURRENT ROW"), 79, "'fortnight'"),
    (select(f"{KEYED} {HOUR}", "n"), 118, "must end in: 'n_1h'"),
    (select(f"{KEYED} {HOUR}", "n_2h"), 118, "must end in: 'n_1h'"),
    (select(f"{KEYED} {HOUR}", "N_1h"), 118, "no valid name"),
    (f"SELECT count(*) {OVER} FROM Tx", 8, "no name; write AS"),
    ("SELECT count(*) AS n_1h FROM Tx", 8, "expected an aggregate with a window"),
    (f"SELECT 1 + count(*) {OVER} AS n_1h FROM Tx", 8, "expected an aggregate with a window"),
    (f"SELECT count(*) FILTER (WHERE amt = NULL) {OVER} AS n_1h FROM Tx", 31, "write x IS NULL or x IS NOT NULL"),
    (f"SELECT count(*) FILTER (WHERE NULL <> (amt)) {OVER} AS n_1h FROM Tx", 40, "write x IS NULL or x IS NOT NULL"),
    (f"SELECT sum(amt || amt) {OVER} AS n_1h FROM Tx", 12, "is of strings"),
    (f"SELECT count(amt || 'a') {OVER} AS n_1h FROM Tx", 14, "is of strings"),
    (f"SELECT last(amt IGNORE NULLS) {OVER} AS n_1h FROM Tx", 8, "newest row decides"),
    (f"SELECT row_number() {OVER} AS n_1h FROM Tx", 8, "'row_number'"),
    ("SELECT count(*) AS n_1h FROM Tx GROUP BY account", 42, "in place of GROUP BY"),
    ("SELECT count(*) OVER w AS n_1h FROM Tx", 22, "'w' is not in the WINDOW clause"),
    (
        f"SELECT count(*) OVER w AS n_1h FROM Tx WINDOW w AS ({KEYED} {HOUR}), W AS ({KEYED})",
        146,
        "window 'w' is there twice",
    ),
    (select(f"PARTITION BY account ORDER BY foo.ts {HOUR}"), 53, "foo"),
    (select(f"PARTITION BY foo.account ORDER BY ts {HOUR}"), 36, "foo"),
    ("SELECT * FROM Tx", 8, "expected an aggregate"),
    (f"SELEC count(*) {OVER} AS n_1h FROM Tx", 1, "cannot begin with 'SELEC'; did you mean 'SELECT'"),
    ("SELECT 1 UNION SELECT 2", 10, "expected one SELECT, found UNION"),
    ("SELECT 1; SELECT 2", 11, "expected one SELECT, found SELECT and SELECT"),
    (
        f"SELECT count(*) OVER (w {HOUR}) AS n_1h FROM Tx WINDOW w AS (PARTITION BY account ORDER BY ts)",
        23,
        "named or written, never both",
    ),
    (
        f"SELECT count(*) {OVER} AS n_1h FROM HOP(Tx, ts, INTERVAL '5' MINUTE, INTERVAL '1' HOUR)",
        0,
        "ends when it is asked",
    ),
]


@pytest.mark.parametrize(("sql", "column", "message"), FILES)
def test_a_wrong_query_of_a_file_is_refused_at_its_column(
    load_sql: Callable[[str], View], sql: str, column: int, message: str
) -> None:
    with pytest.raises(DefinitionError, match=message) as found:
        load_sql(HEADER + sql)
    assert re.match(rf".*user\.sql:4:{column or '[0-9]+'}: ", str(found.value)), str(found.value)


COUNT = f"SELECT count(*) {OVER} AS n_1h FROM Tx"
HEADERS = [
    ("-- source: tx.py:Tx\n-- owner: a\n", 1, "no view; begin the file with `-- view: fraud_features`"),
    ("-- view: fraud\n-- source: tx.py:Tx\n", 1, "no owner"),
    ("-- view: fraud\n-- owner: a\n", 1, "no source"),
    ("-- view: Fraud\n-- source: tx.py:Tx\n-- owner: a\n", 1, "no valid name"),
    (HEADER + "-- ownr: a\n", 4, "unknown option 'ownr'; did you mean 'owner'"),
    (HEADER + "-- owner: a\n", 4, "'owner' is given twice"),
    (HEADER + "-- tile: 7m\n", 4, "does not fit"),
    (HEADER + "-- tile: x\n", 4, "is no duration"),
    (HEADER + "-- tile.m_1h: 1h\n", 4, "no feature 'm_1h'; did you mean 'n_1h'"),
    (HEADER + "-- tile.n_1h: 1d\n", 5, "shorter than its tile '1d'"),
    (HEADER + "-- tile.n_1h: 5h\n", 4, "does not fit"),
    (HEADER + "-- optimize: costs\n", 4, "optimize = 'costs'; did you mean 'cost'"),
    (HEADER + "-- optimize: cost\n-- freshness: 2d\n", 5, "freshness = '2d' is not between 1s and 1d"),
    (HEADER + "-- clock: sun\n", 1, "'wall' or 'event'"),
    ("-- view: fraud\n-- source: tx.py\n-- owner: a\n", 2, "a Python file and a class"),
    ("-- view: fraud\n-- source: tx.py:Ty\n-- owner: a\n", 2, "no source 'Ty'; known: Tx"),
    ("-- view: fraud\n-- source: ty.py:Tx\n-- owner: a\n", 2, "no such Python file"),
]


@pytest.mark.parametrize(("header", "line", "message"), HEADERS)
def test_a_wrong_header_is_refused_at_its_line(
    load_sql: Callable[[str], View], header: str, line: int, message: str
) -> None:
    with pytest.raises(DefinitionError, match=message) as found:
        load_sql(header + COUNT)
    assert re.match(rf".*user\.sql:{line}\b", str(found.value)), str(found.value)


def test_names_of_features_are_checked_as_in_python(load_sql: Callable[[str], View]) -> None:
    with pytest.raises(DefinitionError, match="'n_1h' is there twice"):
        load_sql(HEADER + COUNT.replace(" FROM", f", sum(amt) {OVER} AS n_1h FROM"))
    with pytest.raises(DefinitionError, match="'account' has the name of a key"):
        load_sql(HEADER + "SELECT last(amt) OVER (PARTITION BY account ORDER BY ts) AS account FROM Tx")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"absent\.sql:1: .*No such file"):
        load_views(tmp_path / "absent.sql")
    (tmp_path / "latin.sql").write_bytes(b"-- owner: caf\xe9")
    with pytest.raises(DefinitionError, match=r"latin\.sql:1: 'utf-8' codec"):
        load_views(tmp_path / "latin.sql")


def test_a_byte_order_mark_is_no_part_of_the_text(load_sql: Callable[[str], View]) -> None:
    assert load_sql("\ufeff" + HEADER + COUNT).name == "fraud"
