"""Dead letters are whole, whatever their job read of the rows: the archive's snapshot has the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import DEAD_LETTERS, LEDGER_NAMESPACE, Field, archive_fields
from headrace.errors import NotFoundError
from headrace.features.load import load_views
from headrace.pipelines.dead_letters import whole_letters
from headrace.registry.store import Run
from headrace.runtime.cutover import Cutover

ROOT = Path(__file__).resolve().parents[2]
PLAN = plan_view(load_views(ROOT / "examples/fraud/features.py").views["fraud_features"])
AT = datetime(2026, 1, 1, 12, 30, 0, 250, UTC)
ROW = {
    "tid": 't"1',
    "cc_num": 2**60,
    "account_id": None,
    "merchant": "café",
    "status": "failed",
    "amt": 0.1,
    "ts": AT,
}
#: What the job wrote of it: it did not read `tid` and `amt`, and `ts` is as Flink casts it.
READ = b'{"cc_num":1152921504606846976,"account_id":null,"merchant":"caf\xc3\xa9","status":"failed","ts":"as read"}'
WHOLE = {**json.loads(READ), "tid": 't"1', "amt": "0.1"}


def filled(
    lake: IcebergCatalog, place: tuple[str, str], fields: tuple[Field, ...], rows: Iterable[Any]
) -> IcebergTable:
    table = lake.create_table(*place, fields)
    schema = table.table.schema().as_arrow()
    table.append(pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema))
    return table


def archived(offset: int, **values: Any) -> Mapping[str, Any]:
    place = {"_src_topic": "t", "_src_partition": 0, "_src_offset": offset, "_src_timestamp": AT}
    return {**place, **values}


def letter(offset: int, raw: bytes | None, **values: Any) -> Mapping[str, Any]:
    place = {"run": "run-1", "view": PLAN.name, "topic": "t", "partition": 0, "offset": offset, "arrival_time": AT}
    return {**place, "verdict": "dead_letter", "reason": "account_id is missing", "raw": raw, **values}


@pytest.fixture
def lake(tmp_path: Path) -> IcebergCatalog:
    """Three rows of history, the last archived after the run was planned, and letters of a run and of another."""
    found = IcebergCatalog.sqlite("lake", tmp_path)
    fields = archive_fields(PLAN.source.columns)
    table = filled(
        found, ("raw", "transactions"), fields, [archived(7, **ROW), archived(8, _raw=b"{", _error="no JSON")]
    )
    filled(found, ("raw", "transactions"), fields, [archived(9, **ROW | {"tid": "later"})])
    assert len(table.refresh().table.snapshots()) == 2
    letters = [letter(9, READ), letter(8, b"{"), letter(7, READ), letter(7, b"another's", run="run-2")]
    filled(found, (LEDGER_NAMESPACE, "dead_letters"), DEAD_LETTERS, letters)
    return found


def run_over(lake: IcebergCatalog, snapshot: int | None = None) -> Run:
    pinned = snapshot or lake.load("raw", "transactions").table.snapshots()[0].snapshot_id
    cutover = Cutover("raw.transactions", pinned, "tag", "t", "id", ())
    return Run("run-1", "demo", PLAN.name, PLAN.version, json.loads(cutover.to_json()))


def test_what_was_not_read_of_a_row_of_history_is_added_and_what_was_read_stays(lake: IcebergCatalog) -> None:
    first, unparsable, live = whole_letters(lake, run_over(lake), PLAN)
    assert json.loads(first.raw or b"") == WHOLE
    assert list(json.loads(first.raw or b"")) == list(ROW), "in the order of the source's columns"
    assert "café".encode() in (first.raw or b"")
    assert (first.offset, first.reason, first.arrival_time) == (7, "account_id is missing", AT)
    assert unparsable.raw == b"{"
    assert live.raw == READ, "it is no row of the snapshot that the run pinned: it came live, and was read whole"


def test_only_so_many_are_read_and_the_first_by_position(lake: IcebergCatalog) -> None:
    (first,) = whole_letters(lake, run_over(lake), PLAN, 1)
    assert (first.offset, json.loads(first.raw or b"")) == (7, WHOLE)


def test_a_snapshot_that_is_gone_is_an_error_that_names_it(lake: IcebergCatalog) -> None:
    with pytest.raises(NotFoundError, match=r"raw\.transactions: no snapshot 17"):
        whole_letters(lake, run_over(lake, 17), PLAN)


def test_a_letter_with_other_columns_is_left_as_it_is(lake: IcebergCatalog) -> None:
    other = b'{"shop":"ams"}'
    filled(lake, (LEDGER_NAMESPACE, "dead_letters"), DEAD_LETTERS, [letter(7, other, run="run-3")])
    (found,) = whole_letters(lake, replace(run_over(lake), run="run-3"), PLAN)
    assert found.raw == other


def test_a_letter_of_a_union_takes_nothing_of_a_row_that_its_own_source_let_in(tmp_path: Path) -> None:
    """Both letters have columns of the same names; those of the first are the union's: cents."""
    plan = plan_view(load_views(Path(__file__).with_name("sales.py")).views["sales_features"])
    found = IcebergCatalog.sqlite("lake", tmp_path)
    rows = [{"k": None, "amt": 12.5, "note": "x", "ts": AT}, {"k": "a", "amt": math.inf, "note": "y", "ts": AT}]
    late = {"k": "b", "amt": 3.5, "note": "z", "ts": AT - timedelta(days=400)}
    archive = [archived(offset, **row) for offset, row in enumerate([*rows, late])]
    snapshot = filled(
        found, ("raw", "till"), archive_fields(plan.source.parts[0].columns), archive
    ).current_snapshot_id()
    reads = [b'{"k":null,"amt":"1250.0","ts":"t"}', b'{"k":"a","amt":"Infinity","ts":"t"}', b'{"k":"b"}']
    letters = [letter(offset, raw) for offset, raw in enumerate(reads)]
    filled(found, (LEDGER_NAMESPACE, "dead_letters"), DEAD_LETTERS, letters)
    parts = [Cutover("raw.till", snapshot, "tag", "t", "id", ()), Cutover("raw.web", None, "", "w", "id", ())]
    run = Run("run-1", "demo", plan.name, plan.version, json.loads(Cutover.over(parts, ()).to_json()))
    unions, refused, too_late = [json.loads(one.raw or b"") for one in whole_letters(found, run, plan)]
    assert unions == json.loads(reads[0])
    assert refused == {"k": "a", "amt": "Infinity", "note": "y", "ts": "t"}
    assert (too_late["k"], too_late["note"], too_late["amt"]) == ("b", "z", "3.5")
