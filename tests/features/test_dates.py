"""Dates that a feature may not have are refused at their line, and what to write instead is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnsupportedError
from headrace.features import load_views

TEXT = """
from datetime import date, datetime
import ibis
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation

class Tx(Source):
    live = KafkaTopic("tx")
    account: str
    cents: int
    day: date
    ts: datetime = event_time()

@transformation
def found(tx: Tx, wspec: WindowSpec):
    return {body}

class Dates(FeaturePipeline):
    owner = "x@example.com"
    features = [found.over("1h")]
"""
WRONG: tuple[tuple[str, type[HeadraceError], str], ...] = (
    ("tx.groupby('day').window(wspec).count()", ColumnTypeError, "declare it as `day: str`"),
    ("tx.groupby('account')['day'].window(wspec).sum()", ColumnTypeError, r"sum\(\) of day \(date\) is not possible"),
    ("tx.groupby('account')['day'].window(wspec).last_n(2)", ColumnTypeError, "it takes bool, float, int, str"),
    (
        "tx[tx.day > tx.ts].groupby('account').window(wspec).count()",
        ColumnTypeError,
        "of one type, found date, datetime",
    ),
    ("tx[tx.day > '2024'].groupby('account').window(wspec).count()", ColumnTypeError, "found date, str"),
    ("tx.groupby('account')[tx.day + ibis.interval(months=1)].window(wspec).max()", UnsupportedError, "in months"),
    ("tx.groupby('account')[tx.day.cast('int64')].window(wspec).max()", UnsupportedError, r"x.delta\(ibis.date"),
    ("tx.groupby('account')[tx.cents.cast('date')].window(wspec).max()", UnsupportedError, r"x.as_interval\('D'\)"),
    (
        "tx.groupby('account')[tx.account.as_date('%d.%m.%Y')].window(wspec).max()",
        UnsupportedError,
        r"x.cast\('date'\)",
    ),
    ("tx[tx.day == ibis.date(2023, 2, 30)].groupby('account').window(wspec).count()", DefinitionError, "2023, 2, 30"),
    ("tx[tx.day == ibis.date(tx.cents, 2, 3)].groupby('account').window(wspec).count()", UnsupportedError, "constant"),
    (
        "tx.groupby('account')[tx.day.delta(tx.day, unit='hour')].window(wspec).max()",
        UnsupportedError,
        "'hour'.*day, week",
    ),
    ("tx.groupby('account')[tx.ts.time()].window(wspec).max()", UnsupportedError, "no times of day"),
)


@pytest.mark.parametrize(("body", "kind", "message"), WRONG, ids=[body for body, _, _ in WRONG])
def test_dates_without_a_meaning_are_refused_at_their_line(
    body: str, kind: type[HeadraceError], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "user.py"
    file.write_text(TEXT.format(body=body))
    with pytest.raises(kind, match=message) as found:
        load_views(file)
    assert f"{file}:15" in str(found.value)
