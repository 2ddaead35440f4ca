"""What a spine must say before anything is computed of it: which instant, and which entity, row by row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from headrace.compiler.plan import Column
from headrace.connectors.schema import Field
from headrace.errors import NotFoundError, RequestError
from headrace.pipelines.spine import Spine, read_spine
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

CARD = Column("cc_num", "int")
NIGHT = datetime(2024, 11, 20, 21, 30, tzinfo=UTC)
NIGHT_US = int(NIGHT.timestamp()) * 1_000_000


class Desk:
    """Where spines are read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.platform = Platform(load_settings(flags={"home": str(folder)}, environment={}, folder=folder))

    def csv(self, *lines: str, event_time: str | None = None, types: dict[str, str] | None = None) -> Spine:
        """The spine of a CSV file with these lines."""
        file = self.folder / "labels.csv"
        file.write_text("\n".join(lines) + "\n")
        return read_spine(file, self.platform, event_time, types or {"cc_num": "int"})

    def frame(self, **columns: Any) -> Spine:
        """The spine of a DataFrame."""
        return read_spine(pd.DataFrame(columns), self.platform)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_instants_of_a_csv_file_may_have_any_offset(desk: Desk) -> None:
    lines = ["at,cc_num", "2024-11-20T21:30:00Z,4", "2024-11-21 02:30:00+05:00,2", "2024-11-20T21:30:00.000001+00,6"]
    for event_time in (None, "at"):
        found = desk.csv(*lines, event_time=event_time)
        assert found.times_us.to_pylist() == [NIGHT_US, NIGHT_US, NIGHT_US + 1]


def test_an_instant_of_a_csv_file_between_two_microseconds_is_the_later_one(desk: Desk) -> None:
    """As of Arrow and pandas: the event of an earlier µs is before it."""
    digits = ("000000000", "000000001", "0000009", "000001", "0000010", "000001500")
    lines = ["at,cc_num", *(f"2024-11-20T21:30:00.{after}Z,4" for after in digits)]
    for event_time in (None, "at"):
        found = desk.csv(*lines, event_time=event_time).times_us.to_pylist()
        assert [us - NIGHT_US for us in found] == [0, 1, 1, 1, 1, 2]


def test_a_date_of_a_csv_file_is_not_guessed(desk: Desk) -> None:
    lines = ["at,cc_num,born", "2024-11-20T21:30:00Z,4,2024-01-02", "2024-11-20T21:30:00Z,4,"]
    found = desk.csv(*lines, types={"cc_num": "int", "born": "date"})
    assert found.rows["born"].to_pylist() == [date(2024, 1, 2), None]
    with pytest.raises(RequestError, match=r"'born' is '03/02/2024' in row 0, expected a date such as 2024-11-20"):
        desk.csv("at,cc_num,born", "2024-11-20T21:30:00Z,4,03/02/2024", types={"cc_num": "int", "born": "date"})


WITHOUT_OFFSET: dict[str, tuple[list[str], str]] = {
    "a zone in another row": (["2024-11-20T21:30:00+05:00", "2024-11-20 21:40:00"], "'2024-11-20 21:40:00' in row 1"),
    "a zone in the row before": (["2024-11-20 21:40", "2024-11-20 21:30Z"], "'2024-11-20 21:40' in row 0"),
    "no zone in any row": (["2024-11-20 21:40:00", "2024-11-20 21:30:00"], "'2024-11-20 21:40:00' in rows 0, 1"),
    "a date": (["2024-11-20T21:30:00Z", "2024-11-20"], "'2024-11-20' in row 1"),
    "a day that is none": (["2024-11-20T21:30:00Z", "2024-11-31T21:30:00Z"], "'2024-11-31T21:30:00Z' in row 1"),
}


@pytest.mark.parametrize("wrong", WITHOUT_OFFSET)
def test_a_time_of_a_csv_file_that_says_no_instant_is_refused_by_row(desk: Desk, wrong: str) -> None:
    times, found = WITHOUT_OFFSET[wrong]
    with pytest.raises(RequestError, match=rf"'at' is {found}, expected an instant with an offset from UTC"):
        desk.csv("at,cc_num", *(f"{time},4" for time in times), event_time="at")


def test_the_only_column_with_times_and_a_requests_instant_must_say_which_too(desk: Desk) -> None:
    """Of columns that nobody named DuckDB says which hold times, and takes one without an offset for UTC."""
    with pytest.raises(RequestError, match="'at' is '2024-11-20 21:40:00' in row 1"):
        desk.csv("at,cc_num", "2024-11-20T21:30:00+05:00,4", "2024-11-20 21:40:00,2")
    lines = ("at,since", "2024-11-20T21:30:00Z,2024-11-20T01:00:00Z", "2024-11-20T21:30:00Z,2024-11-20")
    with pytest.raises(RequestError, match="'since' is '2024-11-20' in row 1"):
        desk.csv(*lines, event_time="at", types={"since": "datetime"})


def test_a_missing_instant_of_a_csv_file_is_said_to_be_missing(desk: Desk) -> None:
    with pytest.raises(RequestError, match="event time 'at' is missing in row 1"):
        desk.csv("at,cc_num", "2024-11-20T21:30:00Z,4", ",2", event_time="at")


def test_a_key_of_a_csv_file_that_is_no_integer_is_named_by_row(desk: Desk) -> None:
    for value in ("x", "9223372036854775808", "4.5"):
        found = desk.csv("at,cc_num", "2024-11-20T21:30:00Z,4", f"2024-11-20T21:30:00Z,{value}")
        with pytest.raises(RequestError, match=rf"key 'cc_num' is .*{value}.* in row 1, expected int"):
            found.asking([CARD])


def test_a_key_beyond_64_bits_is_named_by_row(desk: Desk) -> None:
    found = desk.frame(at=[NIGHT] * 3, cc_num=pd.Series([1, 2**64 - 1, 2**63], dtype="uint64"))
    with pytest.raises(RequestError, match=f"key 'cc_num' is {2**64 - 1} in row 1, expected int, which has 64 bits"):
        found.asking([CARD])
    fitting = desk.frame(at=[NIGHT] * 2, cc_num=pd.Series([1, 2**63 - 1], dtype="uint64"))
    assert fitting.asking([CARD])["cc_num"].to_pylist() == [1, 2**63 - 1]


MIXED: dict[str, tuple[list[Any], str]] = {
    "text among integers": ([1, None, "x"], r"'x' \(str\) in row 2, expected int as in rows before it"),
    "an integer among texts": (["a", 7, "b"], r"7 \(int\) in row 1, expected str"),
    "an integer beyond Arrow": ([1, 2**70, 3], rf"{2**70} \(int\) in row 1, expected int"),
    "an object": ([Path("x")], r"PosixPath\('x'\) \(PosixPath\) in row 0, expected text, a number or a time"),
}


@pytest.mark.parametrize("mixed", MIXED)
def test_values_of_two_types_in_one_column_are_named_by_row(desk: Desk, mixed: str) -> None:
    values, message = MIXED[mixed]
    with pytest.raises(RequestError, match=rf"^spine: column 'cc_num' is {message}"):
        desk.frame(at=[NIGHT] * len(values), cc_num=pd.Series(values, dtype=object))


def test_two_columns_of_one_name_are_refused_whatever_holds_them(desk: Desk) -> None:
    frame = pd.DataFrame([[NIGHT, 1, 2]], columns=["at", "cc_num", "cc_num"])
    for given in (frame, pa.table([[NIGHT], [1], [2]], names=["at", "cc_num", "cc_num"])):
        with pytest.raises(RequestError, match=r"column 'cc_num' has no name, .*that of another column; rename it"):
            read_spine(given, desk.platform)


NO_INSTANTS: dict[str, tuple[Any, str]] = {
    "dates": (pa.array([date(2024, 11, 20)]), r"date32\[day\], days without a time; expected instants: with pandas df"),
    "text": (
        pa.array(["2024-11-20T21:30:00Z"]),
        r"text; expected instants: .* in SQL CAST\(at AS TIMESTAMPTZ",
    ),
    "numbers": (pa.array([NIGHT_US]), r"int64; expected instants: say the unit, with pandas .*unit='us'"),
    "flags": (pa.array([True]), r"bool; expected instants, that is timestamps with a time zone"),
}


@pytest.mark.parametrize("kind", NO_INSTANTS)
def test_what_is_no_time_is_told_with_what_makes_one_of_it(desk: Desk, kind: str) -> None:
    values, message = NO_INSTANTS[kind]
    with pytest.raises(RequestError, match=f"event time 'at' is {message}"):
        read_spine(pa.table({"at": values}), desk.platform, "at")


@pytest.mark.parametrize("kind", ["dates", "text"])
def test_what_may_have_been_meant_for_a_time_is_told_where_there_is_none(desk: Desk, kind: str) -> None:
    values, message = NO_INSTANTS[kind]
    rows = pa.table({"at": values, "tid": ["0122"]})
    with pytest.raises(
        RequestError, match=f"one column with times, found none among at, tid; 'at' is {message}"
    ) as error:
        read_spine(rows, desk.platform)
    assert "'tid' is" not in str(error.value)


@pytest.mark.parametrize(("time", "beside"), [("2024-11-20 21:40:00", "x"), ("2024-11-20", "7")])
def test_the_only_times_of_a_csv_file_are_told_by_row_when_no_one_has_a_zone(
    desk: Desk, time: str, beside: str
) -> None:
    with pytest.raises(
        RequestError, match=rf"'at' is '{time}' in rows 0, 1, expected an instant with an offset from UTC"
    ):
        desk.csv("at,cc_num,note", f"{time},4,{beside}", f"{time},5,{beside}")


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[ns, UTC]", object])
def test_times_that_are_all_missing_are_missing_whatever_their_type(desk: Desk, dtype: Any) -> None:
    frame = pd.DataFrame({"at": pd.Series([pd.NaT, pd.NaT], dtype=dtype), "cc_num": [1, 2]})
    with pytest.raises(RequestError, match="event time 'at' is missing in rows 0, 1; leave these rows out"):
        read_spine(frame, desk.platform, "at")


def test_the_name_of_an_iceberg_table_is_a_spine_as_it_is_an_input(desk: Desk) -> None:
    table = desk.platform.iceberg.create_table(
        "labels", "frauds", [Field("at", "timestamp"), Field("cc_num", "bigint")]
    )
    table.append(pa.table({"at": pa.array([NIGHT_US], pa.timestamp("us", "UTC")), "cc_num": [4]}))
    assert read_spine("labels.frauds", desk.platform).times_us.to_pylist() == [NIGHT_US]
    with pytest.raises(NotFoundError, match=r"no Iceberg table labels.fraud in .* did you mean 'labels.frauds'"):
        read_spine("labels.fraud", desk.platform)
    with pytest.raises(RequestError, match=r"is no .parquet or .csv file, no Iceberg table namespace.name, and no"):
        read_spine("frauds of today", desk.platform)


@pytest.mark.parametrize(
    ("text", "place", "missing"),
    [
        ("", "1:1", "no statement; a query begins with SELECT or WITH"),
        ("-- SELECT 1", "1:1", "no statement; a query begins with SELECT or WITH"),
        ("/* SELECT 1 */", "1:1", "no statement; a query begins with SELECT or WITH"),
        ("\n ;", "2:2", "no statement before ';'; a query begins with SELECT or WITH"),
        ("; SELECT 1", "1:1", "no statement before ';'; a query begins with SELECT or WITH"),
    ],
)
def test_a_text_without_a_statement_is_no_query(desk: Desk, text: str, place: str, missing: str) -> None:
    with pytest.raises(RequestError, match=rf"and no query: line {place}: there is {missing}$"):
        read_spine(text, desk.platform)


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("SELECT 1 AS a; SELECT 2 AS a", "1:16", "expected one query, found another"),
        ("SELECT 1 AS a;\nDROP TABLE labels.frauds", "2:1", "expected one query, found another"),
        ("DELETE FROM labels.frauds", "1:1", "expected a query, found DELETE"),
        ("COPY (SELECT 1) TO 'spine.csv'", "1:1", "expected a query, found COPY"),
        ("EXPLAIN SELECT 1", "1:1", "expected a query, found EXPLAIN"),
        ("load 'spatial'", "1:1", "expected a query, found LOAD"),
    ],
)
def test_a_text_that_is_more_or_other_than_one_query_is_refused(
    desk: Desk, text: str, place: str, found: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RequestError, match=rf"and no query: line {place}: {found}$"):
        read_spine(text, desk.platform)
    assert not caplog.records, "the error says it, and the parser does not say it too"


def test_a_query_may_end_as_statements_do(desk: Desk) -> None:
    text = "SELECT 'c1' AS card, TIMESTAMPTZ '2024-11-20T21:30:00Z' AS at; -- all of them"
    assert read_spine(text, desk.platform).rows.num_rows == 1
