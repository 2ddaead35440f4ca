"""What can be written, and what is refused: every mistake is found at load, at its line, with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import Definitions, load_views

HEAD = """
from datetime import datetime, timezone
from typing import Literal
import ibis
from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation
"""
SOURCE = """
class Tx(Source):
    live = KafkaTopic("tx")
    account: str
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
Load = Callable[..., Definitions]
COUNT = "tx.groupby('account').window(wspec).count()"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file made of pieces."""

    def make(*pieces: str) -> Definitions:
        path = tmp_path / "user.py"
        path.write_text("".join((HEAD, *pieces)))
        return load_views(path)

    return make


def feature(body: str, arguments: str = "tx: Tx, wspec: WindowSpec") -> str:
    return f"\n@transformation\ndef f({arguments}):\n    return {body}\n"


def line_of(text: str, *pieces: str) -> int:
    """The line of a text within the loaded file."""
    return "".join((HEAD, *pieces)).split(text)[0].count("\n") + 1


def test_the_missions_snippets_work_verbatim() -> None:
    root = Path(__file__).resolve().parents[2]
    found = load_views(root / "examples/fraud/features.py")
    view = found.views["fraud_features"]
    assert [feature.name for feature in view.features] == [
        "transaction_count_1h",
        "transaction_count_7d",
        "average_transaction_amount_by_merchant_30d",
    ]
    count, _, mean = (feature.aggregate for feature in view.features)
    assert count.filter is not None
    assert count.filter.text() == 'equals(status, "failed")'
    assert ([key.name for key in mean.keys], mean.function, mean.filter) == (["cc_num", "merchant"], "mean", None)
    assert view.description == "What the fraud model looks at."
    assert list(found.sources) == ["Transactions"]


def test_an_optional_enumerated_column(load: Load) -> None:
    source = load(SOURCE, feature("tx.groupby('account').window(wspec).count()"), VIEW).sources["Tx"]
    status = next(column for column in source.columns if column.name == "status")
    assert (status.type, status.optional, status.choices) == ("str", True, ("failed", "paid"))


def test_last_without_a_window_is_an_as_of_feature(load: Load) -> None:
    view = 'class Fraud(FeaturePipeline):\n    owner = "a@b.c"\n    features = [f]\n'
    found = load(SOURCE, feature("tx.groupby('account')['amt'].last()", "tx: Tx"), view).views["fraud"].features
    assert [(feature.name, feature.window_us) for feature in found] == [("f", None)]


def test_an_as_of_feature_may_have_a_tile_of_its_own(load: Load) -> None:
    view = "class Fraud(FeaturePipeline):\n    owner = 'a'\n    features = [f.tiled('1d')]\n"
    found = load(SOURCE, feature("tx.groupby('account')['amt'].last()", "tx: Tx"), view).views["fraud"].features
    assert [(one.name, one.window_us, one.tile_us) for one in found] == [("f", None, 86_400_000_000)]


def test_a_window_may_end_before_the_asked_time(load: Load) -> None:
    view = 'class Fraud(FeaturePipeline):\n    owner = "a"\n    features = [f.over("1h", WindowSpec("1h", lag="1d"))]\n'
    found = load(SOURCE, feature("tx.groupby('account').window(wspec).count()"), view).views["fraud"].features
    hour, day = 3_600_000_000, 86_400_000_000
    assert [(one.name, one.window_us, one.lag_us) for one in found] == [("f_1h", hour, 0), ("f_1h_lag_1d", hour, day)]


DAYS = "from headrace import CalendarDays\n"


def days(*windows: str, tile: str = "15m") -> str:
    """A view of windows of calendar days."""
    over = ", ".join(f"CalendarDays({window})" for window in windows)
    return f"class Fraud(FeaturePipeline):\n    owner, tile = 'a', {tile!r}\n    features = [f.over({over})]\n"


def test_calendar_days_are_named_by_their_number(load: Load) -> None:
    paris = "zone='Europe/Paris'"
    view = days(f"1, {paris}", f"7, {paris}", f"1, {paris}, lag=1")
    found = load(DAYS, SOURCE, feature(COUNT), view).views["fraud"].features
    assert [one.name for one in found] == ["f_1cd", "f_7cd", "f_1cd_lag_1cd"]
    assert {one.zone for one in found} == {"Europe/Paris"}
    assert found[2].window_text == "1d of the calendar in Europe/Paris ending 1d ago"


@pytest.mark.parametrize(
    ("windows", "tile", "message"),
    [
        (["1, zone='Europe/Pariss'"], "15m", "'Europe/Pariss' is no time zone of the IANA database; did you mean 'Eur"),
        (["1, zone='localtime'"], "15m", "'localtime' is no time zone of the IANA database"),
        (["1, zone=2"], "15m", "2 is no time zone .* expected a name such as 'America/New_York'"),
        (["0, zone='UTC'"], "15m", "days=0: expected 1 to 366 calendar days"),
        (["367, zone='UTC'"], "15m", "days=367: expected 1 to 366 calendar days"),
        (["True, zone='UTC'"], "15m", "days=True: expected 1 to 366"),
        (["1, zone='UTC', lag='1d'"], "15m", "lag='1d': expected 0 to 366 calendar days"),
        (["1, zone='UTC'", "1, zone='UTC'"], "15m", "expected different windows"),
        (["1, zone='UTC'", "1, zone='Asia/Tokyo'"], "15m", "feature 'f_1cd' is there twice; give one of them"),
        (["1, zone='Asia/Kathmandu'"], "1h", r"f_1cd: not every day in Asia/Kathmandu .* of 1h; .*tile='15m'\)"),
        (["1, zone='Europe/Paris'"], "1d", r"f_1cd: not every day in Europe/Paris begins .* of 1d; .*tile='1h'\)"),
    ],
)
def test_calendar_days_that_cannot_be_meant_are_refused_at_their_line(
    load: Load, windows: list[str], tile: str, message: str
) -> None:
    pieces = (DAYS, SOURCE, feature(COUNT), days(*windows, tile=tile))
    line = line_of("class Fraud" if "twice" in message else "features = [f", *pieces)
    with pytest.raises(DefinitionError, match=rf"user\.py:{line}: .*{message}"):
        load(*pieces)


def test_days_of_a_source_that_begins_later_may_have_wider_tiles(load: Load) -> None:
    """Caracas had an offset of half an hour until 2016."""
    late = SOURCE.replace("    account", "    earliest = datetime(2017, 1, 1, tzinfo=timezone.utc)\n    account")
    view = days("1, zone='America/Caracas'", tile="1h")
    assert load(DAYS, late, feature(COUNT), view).views["fraud"].features[0].tile_us == 3_600_000_000
    with pytest.raises(DefinitionError, match="tile='30m'"):
        load(DAYS, SOURCE, feature(COUNT), view)


def test_a_window_has_its_tile_from_over_and_never_from_tiled(load: Load) -> None:
    view = "class Fraud(FeaturePipeline):\n    owner = 'a'\n    features = [f.tiled('1d')]\n"
    with pytest.raises(DefinitionError, match=r"has a window: write f\.over"):
        load(SOURCE, feature("tx.groupby('account')['amt'].window(wspec).sum()"), view)


def test_annotations_may_be_strings(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "later.py"
    body = feature("tx.groupby('account').window(wspec).count()")
    path.write_text("from __future__ import annotations\n" + HEAD + SOURCE + body + VIEW)
    assert load_views(path).views


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("tx.cents + 1", "add(cents, 1)"),
        ("tx.cents + 1.5", "add(cast:float(cents), 1.5)"),
        ("-tx.cents", "subtract(0, cents)"),
        ("-tx.amt", "negate(amt)"),
        ("tx.cents / 3", "divide(cast:float(cents), cast:float(3))"),
        ("tx.amt.cast('int64')", "cast:int(amt)"),
        ("tx.ok.cast('int64')", "cast:int(ok)"),
        ("tx.cents.abs()", "case(less(cents, 0), subtract(0, cents), cents)"),
        ("tx.cents.fill_null(0)", "coalesce(cents, 0)"),
        ("tx.status.length()", "length(status)"),
        ("ibis.ifelse(tx.ok, tx.cents, None)", "case(ok, cents, null:int)"),
        ("ibis.cases((tx.amt > 1, 2), else_=3)", "case(greater(amt, cast:float(1)), 2, 3)"),
        ("tx.cents.nullif(0)", "case(equals(cents, 0), null:int, cents)"),
        ("tx.status.upper().length()", "length(upper(status))"),
        ("tx.status[1:3].length()", "length(substring(status, 2, 2))"),
        ("tx.cents % 7", "modulo(cents, 7)"),
        ("tx.amt.floor()", "cast:int(floor(amt))"),
        ("tx.cents.ceil()", "cents"),
        ("(tx.amt + 1).round()", "cast:int(round(finite(add(amt, cast:float(1)))))"),
        ("tx.amt ** 2", "finite(power(amt, cast:float(2)))"),
        ("tx.ts.hour()", "floor_divide(modulo(micros(ts), 86400000000), 3600000000)"),
        ("tx.ts + ibis.interval(days=1)", "add(ts, 86400000000)"),
        ("tx.ts.cast('int64')", "floor_divide(micros(ts), 1000000)"),
        ("tx.account.cast('int64')", "cast:int(account)"),
    ],
)
def test_columns_become_scalars(load: Load, expression: str, text: str) -> None:
    found = load(SOURCE, feature(f"tx.groupby('account')[{expression}].window(wspec).min()"), VIEW).views["fraud"]
    argument = found.features[0].aggregate.argument
    assert argument is not None
    assert argument.text() == text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("(tx.amt > 1) & ~tx.ok", "and(greater(amt, cast:float(1)), not(ok))"),
        ("tx.status.isin(['paid'])", 'is_in(status, "paid")'),
        ("tx.status.isnull() | tx.amt.notnull()", "or(is_null(status), not_null(amt))"),
        ("tx.cents.between(1, 2)", "and(greater_equal(cents, 1), less_equal(cents, 2))"),
        ("tx['ok']", "ok"),
    ],
)
def test_conditions_become_scalars(load: Load, condition: str, text: str) -> None:
    found = load(SOURCE, feature(f"tx[{condition}].groupby('account').window(wspec).count()"), VIEW).views["fraud"]
    condition_ = found.features[0].aggregate.filter
    assert condition_ is not None
    assert condition_.text() == text


GROUPED = "tx.groupby('account')"
BEYOND = "an integer is beyond 64 bits; expected an int of -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"
BODIES = [
    ("tx[tx.stauts == 'x'].groupby('account').window(wspec).count()", UnknownColumnError, "did you mean 'status'"),
    ("tx.groupby('acount').window(wspec).count()", UnknownColumnError, "did you mean 'account'"),
    ("tx.groupby('account')['status'].window(wspec).mean()", ColumnTypeError, "mean.. of status"),
    ("tx.groupby('account')['amt'].window(wspec).count_distinct()", ColumnTypeError, "count_distinct"),
    ("tx.groupby('amt').window(wspec).count()", ColumnTypeError, "'amt' is float"),
    ("tx.groupby([]).window(wspec).count()", DefinitionError, "at least one"),
    ("tx.groupby('account').window(wspec).sum()", DefinitionError, "needs a column"),
    ("tx.groupby('account').window('1h').count()", DefinitionError, "second argument"),
    ("tx[tx.amt].groupby('account').window(wspec).count()", ColumnTypeError, "expects a condition"),
    ("tx[True].groupby('account').window(wspec).count()", ColumnTypeError, "condition such as"),
    ("tx[tx.ok > tx.ok].groupby('account').window(wspec).count()", ColumnTypeError, "greater of bool"),
    (f"{GROUPED}[tx.status.reverse()].window(wspec).last()", UnsupportedError, "'Reverse'.*combining accent"),
    (f"{GROUPED}[tx.status.re_extract('a(?=b)', 0)].window(wspec).last()", UnsupportedError, "character 2: look-ahead"),
    (f"{GROUPED}[tx.status.ascii_str()].window(wspec).sum()", UnsupportedError, r"'StringAscii'.*expressions\.md"),
    (f"{GROUPED}[tx.status.substr(tx.cents)].window(wspec).last()", UnsupportedError, "start must be a constant"),
    (f"{GROUPED}[tx.status.left(-1)].window(wspec).last()", DefinitionError, "0 or a greater int, found -1"),
    (f"{GROUPED}[tx.status.replace('', '-')].window(wspec).last()", DefinitionError, "empty string"),
    (f"{GROUPED}[tx.status.find('a', 2)].window(wspec).last()", UnsupportedError, "part of a string"),
    (f"{GROUPED}[tx.status.cast('boolean')].window(wspec).last()", UnsupportedError, "write x == 'true'"),
    (f"{GROUPED}[tx.amt.cast('string')].window(wspec).last()", UnsupportedError, "print floats differently"),
    (f"{GROUPED}[tx.amt.round(16)].window(wspec).sum()", DefinitionError, "expected at most 15 digits"),
    (f"{GROUPED}[tx.amt.round(-2)].window(wspec).sum()", DefinitionError, "must be 0 or a greater int"),
    (f"{GROUPED}[tx.amt // 2].window(wspec).sum()", UnsupportedError, r"write \(x / y\)\.floor"),
    (f"{GROUPED}[tx.cents // 0].window(wspec).sum()", DefinitionError, "constant zero"),
    (f"{GROUPED}[tx.amt % 0].window(wspec).sum()", DefinitionError, "constant zero"),
    (f"{GROUPED}[tx.cents.clip(2, 1)].window(wspec).sum()", DefinitionError, "lower bound 2 is above"),
    (f"{GROUPED}[ibis.greatest(tx.ok, tx.ok)].window(wspec).last()", ColumnTypeError, "greatest of bool"),
    (f"{GROUPED}[tx.ts + ibis.interval(months=1)].window(wspec).max()", UnsupportedError, "interval in months"),
    (f"{GROUPED}[tx.ts - tx.ts].window(wspec).max()", ColumnTypeError, "interval"),
    (f"{GROUPED}[tx.ts.strftime('%H')].window(wspec).last()", UnsupportedError, "formats of times differ"),
    (f"{GROUPED}[tx.ts.delta(tx.ts, unit='nanosecond')].window(wspec).sum()", UnsupportedError, "expected one of"),
    (f"{GROUPED}[tx.ts.truncate('ns')].window(wspec).max()", UnsupportedError, "truncate by 'nanosecond'"),
    ("tx[tx.ts < ibis.now()].groupby('account').window(wspec).count()", UnsupportedError, "same value in every run"),
    ("tx[tx.ts < datetime(2024, 1, 1)].groupby('account').window(wspec).count()", DefinitionError, "has no zone"),
    ("tx.groupby('account')[tx.amt.cast('int32')].window(wspec).sum()", UnsupportedError, "'int64'"),
    ("tx[tx.amt > float('nan')].groupby('account').window(wspec).count()", DefinitionError, "finite"),
    ("tx[tx.status.isin([None])].groupby('account').window(wspec).count()", UnsupportedError, "constants"),
    ("tx.assign(amt=tx.amt * 2).groupby('account')['amt'].window(wspec).sum()", DefinitionError, "already has"),
    ("tx.assign(fee=tx.amt).groupby('fee').window(wspec).count()", UnsupportedError, "computed column"),
    ("tx.groupby('account')[tx.amt / 0].window(wspec).sum()", DefinitionError, "constant zero"),
    (f"{GROUPED}['amt'].window(wspec).meann()", UnsupportedError, "meann is no aggregate of a stream; did you mean"),
    (f"{GROUPED}['amt'].window(wspec).mode()", UnsupportedError, "mode is no aggregate.*known: count,"),
    (f"{GROUPED}['amt'].window(wspec).frist()", UnsupportedError, "did you mean 'first'"),
    ("tx.amt", DefinitionError, "must return an aggregate such as .*, found an expression over columns$"),
    ("tx", DefinitionError, "must return an aggregate such as .*, found <rows of Tx>$"),
    (
        f"{GROUPED}['amt'].window(wspec)",
        DefinitionError,
        r"found <rows of Tx by account, without an aggregate such as .count\(\) at its end>$",
    ),
    (f"tx[tx.amt > 3 and tx.ok].{COUNT[3:]}", ColumnTypeError, r"`and`, `or`, .* write & \| ~ with parentheses"),
    (f"tx[1 < tx.amt < 3].{COUNT[3:]}", ColumnTypeError, r"`1 < x < 9` ask whether a whole column is true"),
    ("tx['amt'].groupby('account').mean()", UnknownColumnError, r"a column has no 'groupby'; .*tx.groupby\('key'\)"),
    ("tx.amt.rond(2)", UnknownColumnError, "a column has no 'rond'; did you mean 'round'"),
    ("tx.amt.zzzz", UnknownColumnError, "a column has no 'zzzz'; docs/expressions.md lists all"),
    ("tx.mutate(fee=tx.amt)", UnknownColumnError, r"'mutate' is no column of Tx; write tx.assign\(name="),
    ("tx.filter(tx.ok)", UnknownColumnError, r"'filter' is no column of Tx; write tx\[tx.amt > 3\]"),
    ("tx.group_by('account').count()", UnknownColumnError, r"'group_by' is no column of Tx; write tx.groupby"),
    (f"{GROUPED}.agg('amt')", UnsupportedError, "agg is no aggregate of a stream; write one aggregate a feature"),
    (f"{GROUPED}['amt'].window(wspec).last_n(0)", DefinitionError, r"last_n\(0\): expected 1 to 100"),
    (f"{GROUPED}['amt'].window(wspec).last_n(101)", DefinitionError, r"last_n\(101\): expected 1 to 100"),
    (f"{GROUPED}['amt'].window(wspec).last_n('3')", DefinitionError, r"last_n\('3'\): expected 1 to 100"),
    (f"{GROUPED}['ts'].window(wspec).last_n(3)", ColumnTypeError, r"last_n\(\) of ts \(datetime\)"),
    (f"{GROUPED}['amt'].window(wspec).last_n(3) / {COUNT}", ColumnTypeError, r"last_n\(\) is list\[float\]"),
    (f"{GROUPED}['amt'].window(wspec).quantile(1.01)", DefinitionError, r"quantile\(1.01\): expected a share from 0"),
    (f"{GROUPED}['amt'].window(wspec).quantile(-0.5)", DefinitionError, r"quantile\(-0.5\): expected a share from 0"),
    (f"{GROUPED}['amt'].window(wspec).quantile(float('nan'))", DefinitionError, r"quantile\(nan\): expected a share"),
    (f"{GROUPED}['amt'].window(wspec).quantile(True)", DefinitionError, r"quantile\(True\): expected a share"),
    (f"{GROUPED}['amt'].window(wspec).quantile('0.5')", DefinitionError, r"quantile\('0.5'\): expected a share"),
    (f"{GROUPED}['amt'].window(wspec).quantile(0.1234567)", DefinitionError, "at most six decimals"),
    (
        f"{GROUPED}['amt'].window(wspec).quantiles([])",
        DefinitionError,
        r"quantiles\(\[\]\): expected a list of 1 to 100",
    ),
    (f"{GROUPED}['amt'].window(wspec).quantiles(0.5)", DefinitionError, r"quantiles\(0.5\): expected a list of 1"),
    (f"{GROUPED}['amt'].window(wspec).quantiles([0.5, 2])", DefinitionError, r"quantiles\(2\): expected a share"),
    (
        f"{GROUPED}['status'].window(wspec).quantile(0.5)",
        ColumnTypeError,
        r"quantile\(\) of status \(str\) is not poss",
    ),
    (f"{GROUPED}['ok'].window(wspec).median()", ColumnTypeError, r"quantile\(\) of ok \(bool\) is not possible"),
    (f"{GROUPED}['ts'].window(wspec).quantiles([1])", ColumnTypeError, r"quantiles\(\) of ts \(datetime\)"),
    (f"{GROUPED}.window(wspec).quantile(0.5)", DefinitionError, r"quantile\(\) needs a column"),
    (f"{GROUPED}['status'].window(wspec).top_k(0)", DefinitionError, r"top_k\(0\): expected 1 to 100"),
    (f"{GROUPED}['status'].window(wspec).top_k(101)", DefinitionError, r"top_k\(101\): expected 1 to 100"),
    (f"{GROUPED}['status'].window(wspec).top_k(True)", DefinitionError, r"top_k\(True\): expected 1 to 100"),
    (
        f"{GROUPED}['status'].window(wspec).top_k(3, exact=True)",
        UnsupportedError,
        r"top_k\(exact=True\) is not possible: it is exact already, or NULL .*; leave `exact` out",
    ),
    (f"{GROUPED}['amt'].window(wspec).top_k(3)", ColumnTypeError, r"top_k\(\) of amt \(float\) is not possible"),
    (f"{GROUPED}['ts'].window(wspec).top_k(3)", ColumnTypeError, r"top_k\(\) of ts \(datetime\) is not possible"),
    (f"{GROUPED}['cents'].window(wspec).top_k(3) / {COUNT}", ColumnTypeError, r"top_k\(\) is list\[int\]"),
    (
        f"{GROUPED}['amt'].window(wspec).median(exact=True)",
        UnsupportedError,
        r"median\(exact=True\) is not possible: t",
    ),
    (
        f"{GROUPED}['amt'].window(wspec).quantile(0.9, exact=True)",
        UnsupportedError,
        r"quantile\(exact=True\) is not possible: tiles keep",
    ),
    (f"{GROUPED}['amt'].window(wspec).quantiles([1], exact=True)", UnsupportedError, r"quantiles\(exact=True\) is not"),
    (
        f"{GROUPED}['status'].window(wspec).count_distinct(exact=True)",
        UnsupportedError,
        r"count_distinct\(exact=True\) is not possible: beyond 4,096 values it is within 1.6 %; leave `exact` out",
    ),
    (f"{COUNT} / 2", DefinitionError, r"count\(\) / 2: expected another aggregate"),
    (f"{COUNT} / tx.groupby('status').window(wspec).count()", DefinitionError, "a ratio is of one entity"),
    (f"{COUNT} / tx.groupby('account').count()", DefinitionError, "one has a window and the other has none"),
    (f"{GROUPED}['status'].window(wspec).last() / {COUNT}", ColumnTypeError, r"last\(\) is str; a ratio is of numbers"),
    (f"{COUNT} + {COUNT}", DefinitionError, "unsupported operand"),
    (f"{COUNT} / {COUNT} / {COUNT}", DefinitionError, "unsupported operand"),
    ("1 / 0", DefinitionError, "division by zero"),
    ("tx[tx.cents < 2**63].groupby('account').window(wspec).count()", DefinitionError, BEYOND),
    ("tx[-2**63 - 1 > tx.cents].groupby('account').window(wspec).count()", DefinitionError, BEYOND),
    ("tx.groupby('account')[tx.amt * 2**70].window(wspec).sum()", DefinitionError, "an integer is beyond 64 bits"),
    ("tx[tx.cents.isin([1, 2**64])].groupby('account').window(wspec).count()", DefinitionError, f"{2**64} is beyond"),
    ("tx.groupby('account')[ibis.literal(2**64)].window(wspec).sum()", DefinitionError, f"{2**64} is beyond 64 bits"),
    (
        "tx[tx.cents == 2**64].groupby('account').window(wspec).count()",
        ColumnTypeError,
        "found False: .* beyond 64 bits",
    ),
    ("tx.groupby('account')[tx.amt & 3].window(wspec).sum()", DefinitionError, "for &: 'FloatingColumn' and 'int'$"),
]


@pytest.mark.parametrize(("body", "kind", "message"), BODIES)
def test_a_wrong_body_is_refused_at_its_line(load: Load, body: str, kind: type[HeadraceError], message: str) -> None:
    with pytest.raises(kind, match=message) as found:
        load(SOURCE, feature(body), VIEW)
    last = line_of("@transformation", SOURCE, feature(body))
    assert re.match(rf".*user\.py:({last}|{last + 2}): f", str(found.value))


VIEWS = [
    ('features = [f.over("1h")]', "no owner"),
    ('owner = " "\n    features = [f.over("1h")]', "no owner"),
    ('owner = "a\\nb"\n    features = [f.over("1h")]', "owner is one line"),
    ('owner = "a"\n    features = []', "expected `features"),
    ('owner = "a"', "expected `features"),
    ('owner = "a"\n    features = [f]', "has a window"),
    ('owner = "a"\n    features = [len]', "is no feature"),
    ('owner = "a"\n    features = [f.over()]', "different windows"),
    ('owner = "a"\n    features = [f.over("60m", "1h")]', "different windows"),
    (
        'owner = "a"\n    features = [f.over("1h", mode="exact")]',
        r"f.over: no option 'mode'; exact or tiled is chosen where a value is asked for, by windows= or --windows",
    ),
    *(
        (
            f'owner = "a"\n    {name} = "exact"\n    features = [f.over("1h")]',
            rf"view Fraud: {name} = 'exact' is no option of a view; exact or tiled is chosen where a value is asked",
        )
        for name in ("mode", "windows", "window_mode", "exact", "tiled")
    ),
    ('owner = "a"\n    exact = True\n    features = [f.over("1h")]', "exact = True is no option .*; exact or tiled"),
    ('owner = "a"\n    tiled = "5m"\n    features = [f.over("1h")]', "did you mean 'tile'"),
    ('owner = "a"\n    tiled = 5\n    features = [f.over("1h")]', "did you mean 'tile'"),
    ('owner = "a"\n    features = [f.over("1h", tiles="5m")]', "f.over: no option 'tiles'; did you mean 'tile'"),
    ('owner = "a"\n    features = [f.over("1h"), f.over("1h")]', "there twice"),
    ('owner = "a"\n    features = [f.over("0h")]', "is zero"),
    ('owner = "a"\n    features = [f.over("-1h")]', "is no duration"),
    ('owner = "a"\n    features = [f.over(3600)]', "is no duration"),
    ('owner = "a"\n    features = [f.over(WindowSpec())]', "None is no duration"),
    ('owner = "a"\n    features = [f.over(WindowSpec("1h", lag="-1h"))]', "lag: '-1h' is no duration"),
    ('owner = "a"\n    features = [f.over(WindowSpec("1h", "1d"), WindowSpec("60m", "24h"))]', "different windows"),
    ('owner = "a"\n    features = [f.over("1m")]', "shorter than its tile"),
    ('owner = "a"\n    features = [f.over("1h", tile="1d")]', "shorter than its tile"),
    ('owner = "a"\n    features = [f.over("7d", tile="5h")]', "does not fit"),
    ('owner = "a"\n    tile = "7m"\n    features = [f.over("1h")]', "does not fit"),
    ('owner = "a"\n    tile = 5\n    features = [f.over("1h")]', "is no duration"),
    ('owner = "a"\n    clock = "sun"\n    features = [f.over("1h")]', "'wall' or 'event'"),
    ('owner = "a"\n    optimize = "costs"\n    features = [f.over("1h")]', "optimize = 'costs'; did you mean 'cost'"),
    ('owner = "a"\n    optimise = "cost"\n    features = [f.over("1h")]', "did you mean 'optimize'"),
    ('owner = "a"\n    freshness = "500ms"\n    features = [f.over("1h")]', "takes most of a second; write '1s'"),
    ('owner = "a"\n    freshness = "2d"\n    features = [f.over("1h")]', "is not between 1s and 1d: write '1d'"),
    ('owner = "a"\n    freshness = 5\n    features = [f.over("1h")]', "freshness: 5 is no duration"),
    ('owner = "a"\n    feature = [f.over("1h")]\n    features = [f.over("1h")]', "did you mean 'features'"),
]


@pytest.mark.parametrize(("body", "message"), VIEWS)
def test_a_wrong_view_is_refused_at_its_line(load: Load, body: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as found:
        load(SOURCE, feature(COUNT), f"\nclass Fraud(FeaturePipeline):\n    {body}\n")
    first = line_of("class Fraud", SOURCE, feature(COUNT), "\nclass Fraud")
    assert re.match(rf".*user\.py:({first}|{first + 1}|{first + 2}|{first + 3}): ", str(found.value))


SOURCES = [
    ('live = KafkaTopic("t")\n    a: str', "one event-time column"),
    ('live = KafkaTopic("t")\n    a: datetime = event_time()\n    b: datetime = event_time()', "one event-time column"),
    ('live = KafkaTopic("t")\n    a: str = event_time()', "must be a `datetime`"),
    ('live = KafkaTopic("t")\n    a: datetime | None = event_time()', "never None"),
    ("a: datetime = event_time()", "no rows"),
    ('live = KafkaTopic("t")\n    x: list\n    a: datetime = event_time()', "column 'x' has type"),
    ('live = KafkaTopic("t")\n    x: str | int\n    a: datetime = event_time()', "column 'x' has type"),
    ('live = KafkaTopic("t")\n    x: Unknown\n    a: datetime = event_time()', "Unknown"),
    ('live = KafkaTopic("t")\n    X: str\n    a: datetime = event_time()', "no valid name"),
    ('live = KafkaTopic("t")\n    x: str = "y"\n    a: datetime = event_time()', "neither"),
    ('live = "t"\n    a: datetime = event_time()', "expected KafkaTopic"),
    (
        'history = IcebergTable("tx")\n    a: datetime = event_time()',
        r"user\.py:\d+: source Tx: history = IcebergTable\('tx'\); expected 'namespace\.table', such as 'raw\.trans",
    ),
    ('history = IcebergTable("raw..tx")\n    a: datetime = event_time()', "expected 'namespace"),
    ("history = IcebergTable(7)\n    a: datetime = event_time()", r"IcebergTable\(7\); expected 'namespace"),
    ('live = KafkaTopic("t")\n    earliest = datetime(2000, 1, 1)\n    a: datetime = event_time()', "with a zone"),
    (
        'live = KafkaTopic("t")\n    alowed_lateness = "1d"\n    a: datetime = event_time()',
        "did you mean 'allowed_lateness'",
    ),
    ('live = KafkaTopic("t")\n    allowed_lateness = 5\n    a: datetime = event_time()', "is no duration"),
    ('live = KafkaTopic("t")\n    arrival_time = "b"\n    a: datetime = event_time()', "no datetime column"),
    (
        'live = KafkaTopic("t")\n    unique_by = "idd"\n    ids: str\n    a: datetime = event_time()',
        "did you mean 'ids'",
    ),
    ('live = KafkaTopic("t")\n    unique_by = ["b"]\n    b: str\n    a: datetime = event_time()', "is no column"),
    (
        'live = KafkaTopic("t")\n    unique_by = "a"\n    a: datetime = event_time()',
        "is datetime; an id must be str or int",
    ),
    (
        'live = KafkaTopic("t")\n    unique_by = "b"\n    b: str | None\n    a: datetime = event_time()',
        r"is str \| None; an id must be str or int and never None",
    ),
    ('live = KafkaTopic("t")\n    a: datetime = event_time(unit="m")', "expected one of"),
    (
        'live = KafkaTopic("t")\n    a: datetime = event_time(zone="Europe/Berln")',
        r"user\.py:\d+: event_time\(zone\): 'Europe/Berln' is no time zone .*; did you mean 'Europe/Berlin'",
    ),
    (
        'live = KafkaTopic("t")\n    a: datetime = event_time(zone=2)',
        "2 is no time zone .*; expected a name",
    ),
]


@pytest.mark.parametrize(("body", "message"), SOURCES)
def test_a_wrong_source_is_refused(load: Load, body: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load(f"\nclass Tx(Source):\n    {body}\n")


@pytest.mark.parametrize(
    ("over", "windows", "found"), [("*windows", '("1h", "7d")', ["1h", "7d"]), ("windows", '"1h"', ["1h"])]
)
def test_a_view_may_name_the_widths_of_its_windows(load: Load, over: str, windows: str, found: list[str]) -> None:
    view = VIEW.replace('f.over("1h")', f"f.over({over})").replace("features", f"windows = {windows}\n    features")
    fraud = load(SOURCE, feature(COUNT), view).views["fraud"]
    assert [one.window_text for one in fraud.features] == found


def test_two_views_of_one_name_are_refused_and_two_names_of_one_view_are_not(load: Load) -> None:
    first = VIEW.replace("Fraud", "HTTPErrors")
    both = [SOURCE, feature(COUNT), first, VIEW.replace("Fraud", "HttpErrors")]
    with pytest.raises(
        DefinitionError, match=r"user\.py: classes HTTPErrors and HttpErrors are both view 'http_errors'; rename one"
    ):
        load(*both)
    found = load(*both[:3], "\nSame = HTTPErrors\n")
    assert (list(found.views), found.pipelines["http_errors"].__name__) == (["http_errors"], "HTTPErrors")


def test_a_file_without_a_view_with_bad_syntax_or_missing(load: Load, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="defines no view"):
        load(SOURCE)
    with pytest.raises(DefinitionError, match=r"user\.py:7: "):
        load("\nclass (")
    with pytest.raises(DefinitionError, match=r"user\.py:6: ZeroDivisionError"):
        load("1 / 0\n")
    with pytest.raises(DefinitionError, match="no such Python file"):
        load_views(tmp_path / "absent.py")


def test_a_template_defines_no_view(load: Load) -> None:
    base = '\nclass Base(FeaturePipeline, abstract=True):\n    owner = "a@b.c"\n    tile = "1m"\n'
    view = '\nclass Fraud(Base):\n    features = [f.over("10m")]\n'
    found = load(SOURCE, feature(COUNT), base, view).views
    assert list(found) == ["fraud"]
    assert found["fraud"].features[0].tile_us == 60_000_000


def test_a_feature_named_as_a_key_is_refused(load: Load) -> None:
    body = "\n@transformation\ndef account(tx: Tx):\n    return tx.groupby('account')['cents'].last()\n"
    view = '\nclass Named(FeaturePipeline):\n    owner = "a"\n    features = [account]\n'
    with pytest.raises(DefinitionError, match="feature 'account' has the name of a key"):
        load(SOURCE, body, view)


def test_a_notebook_shows_the_features_of_a_view(load: Load) -> None:
    head = "\n@transformation\ndef f(tx: Tx, w: WindowSpec):\n    'All <of> it.'\n"
    body = f"{head}    return tx.groupby('account').window(w).count()\n"
    view = VIEW.replace('f.over("1h")', 'f.over("1h", WindowSpec("2d", lag="1d"))')
    shown = load(SOURCE, body, view).views["fraud"]._repr_html_()
    assert "<td>f_1h</td><td>account</td><td>1h</td><td>All &lt;of&gt; it.</td>" in shown
    assert "<td>f_2d_lag_1d</td><td>account</td><td>2d ending 1d ago</td>" in shown


def test_features_of_two_sources_of_one_name_are_refused_unless_both_say_the_same(load: Load) -> None:
    second = feature(COUNT).replace("def f(", "def g(")
    both = VIEW.replace('[f.over("1h")]', '[f.over("1h"), g.over("1h")]')
    found = load(SOURCE, feature(COUNT), SOURCE, second, both)
    assert [one.name for one in found.views["fraud"].features] == ["f_1h", "g_1h"]
    other = SOURCE.replace('KafkaTopic("tx")', 'KafkaTopic("others")')
    with pytest.raises(
        DefinitionError, match=r"different sources named 'Tx', of .*user.py:\d+ and .*user.py:\d+; give"
    ):
        load(SOURCE, feature(COUNT), other, second, both)
