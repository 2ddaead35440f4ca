"""Point-in-time values by Flink against a loop over all events for each row of a spine: all examples in one job."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet, key_sets
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.features.load import load_views
from headrace.pipelines.flink_answers import LOCAL, flink_answers
from headrace.pipelines.spine import Spine
from headrace.pipelines.training_set import Pinned, PinnedHistory
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings

from ..compiler.copied import copied_events, counted  # noqa: TID252
from ..compiler.events import DAY, FILTERED, SPECS, WIDTHS, events  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.filtered import FilteredOrders  # noqa: TID252
from ..compiler.local_days import DAYS, EXAMPLES_OF_DAYS, ShopDays  # noqa: TID252
from ..compiler.local_days import rows as rows_of_days  # noqa: TID252
from ..compiler.test_copies import COPIED  # noqa: TID252
from ..compiler.test_duckdb_sql import SCHEMA, close  # noqa: TID252
from ..compiler.test_local_days import askers as askers_of_days  # noqa: TID252
from ..compiler.test_local_days import expected_at  # noqa: TID252
from ..compiler.test_point_in_time import SPINE, TTL, expected, spine  # noqa: TID252
from ..compiler.widths import WideOrders  # noqa: TID252
from .examples import COPIED_ORDERS, EXAMPLE, Example, by_hand, generated, table_of, together, with_own_ids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = load_views(ROOT / "tests/compiler/every_aggregate.py").views["shop_features"]
BESIDE = (*FilteredOrders.view.features, *WideOrders.view.features)
SHOP = plan_view(replace(WRITTEN, features=(*WRITTEN.features, *BESIDE)))
NAMES = (*SPECS, *FILTERED, *WIDTHS)
KINDS = list(product(["recomputed", "last_write", "ttl"], ["exact", "tiled"], ["event", "arrival"]))


def seeded(seed: int) -> Example:
    rows = events(seed)
    return Example(rows, spine(seed, rows, 30))


def apart(sets: list[KeySet]) -> list[KeySet]:
    """The same over the events of each example by themselves."""
    return [replace(keys, apart=(EXAMPLE,)) for keys in sets]


class Flink:
    """Flink in this process over a history in a folder."""

    def __init__(self, folder: Path) -> None:
        flags = {"home": str(folder / "home"), "jars": str(ROOT / ".build/jars")}
        self.session = local_session(load_settings(flags=flags, environment={}))
        self.folder, self.jobs = folder, 0

    def values(
        self, plan: ViewPlan, sets: list[KeySet], examples: list[Example], schema: pa.Schema = SCHEMA
    ) -> dict[str, list[Any]]:
        """The values of all features, row by row, example after example."""
        self.jobs += 1
        place = self.folder / str(self.jobs)
        place.mkdir()
        fields = archive_fields(plan.source.columns)
        table = IcebergCatalog.sqlite("lake", place).create_table("raw", "orders", fields)
        table.fill([table_of([one.rows for one in examples], schema).select([field.name for field in fields])])
        snapshot = table.current_snapshot_id()
        assert snapshot is not None
        asked = table_of([one.askers for one in examples], SPINE)
        times = asked["_t"]
        scratch = IcebergCatalog.sqlite("scratch", place / "scratch")
        (place / "scratch").mkdir()
        whole = Spine(asked.drop_columns(["_row", "_t"]), "at", times)
        found = flink_answers(sets, whole, Pinned((PinnedHistory(table, snapshot, 0),), 0), scratch, self.run)
        return {name: column.to_pylist() for name, column in found.items()}

    def run(self, job: FlinkJob) -> None:
        self.session.run(job.statements, job.inserts, {**job.config, **LOCAL})


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Flink:
    return Flink(tmp_path_factory.mktemp("flink"))


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [seeded(0), seeded(1), *by_hand(), *generated()]


def name_of(feature: str, mode: str, window_mode: str, known_by: str) -> str:
    return f"{feature} {mode} {window_mode} {known_by}"


@pytest.fixture(scope="module")
def found(flink: Flink, examples: list[Example]) -> dict[str, list[Any]]:
    """The values of every feature in every mode."""
    plan = together(SHOP)
    sets: list[KeySet] = []
    for known_by in ("event", "arrival"):
        asked = [
            AskedFeature(name_of(name, mode, windows, known), plan.feature(name), mode, TTL, windows)  # type: ignore[arg-type]
            for name, (mode, windows, known) in product(NAMES, KINDS)
            if known == known_by
        ]
        sets += apart(key_sets(plan, tuple(asked), known_by))  # type: ignore[arg-type]
    return flink.values(plan, sets, examples)


@pytest.mark.parametrize(("mode", "window_mode", "known_by"), KINDS)
def test_every_value_is_that_of_a_loop_on_flink(
    found: dict[str, list[Any]], examples: list[Example], mode: Any, window_mode: Any, known_by: Any
) -> None:
    for name in NAMES:
        wanted = [
            expected(one.rows, asker, name, mode, window_mode, known_by) for one in examples for asker in one.askers
        ]
        values = [_plain(value) for value in found[name_of(name, mode, window_mode, known_by)]]
        assert dict(enumerate(values)) == close(dict(enumerate(wanted))), name
        assert any(value is not None for value in values), name


def test_calendar_days_equal_a_loop_over_dates_on_flink(flink: Flink) -> None:
    plan = together(plan_view(ShopDays.view))
    before_all_days = {"_row": 60, "_t": -DAY, "shop": "a", "customer": 1, "express": True}
    seeded_days = Example(rows_of_days(5), [*askers_of_days(5), before_all_days])
    examples = [seeded_days, *generated(EXAMPLES_OF_DAYS, 25)]
    sets: list[KeySet] = []
    for known_by in ("event", "arrival"):
        asked = [
            AskedFeature(name_of(name, mode, windows, known), plan.feature(name), mode, TTL, windows)  # type: ignore[arg-type]
            for name, (mode, windows, known) in product(DAYS, KINDS)
            if known == known_by
        ]
        sets += apart(key_sets(plan, tuple(asked), known_by))  # type: ignore[arg-type]
    found = flink.values(plan, sets, examples)
    for name, (mode, windows, known_by) in product(DAYS, KINDS):
        wanted = [expected_at(one.rows, row, name, mode, windows, known_by) for one in examples for row in one.askers]  # type: ignore[arg-type]
        values = found[name_of(name, mode, windows, known_by)]
        assert dict(enumerate(values)) == close(dict(enumerate(wanted))), name
        assert any(value is not None for value in values), name


def test_copies_count_once_on_flink(flink: Flink) -> None:
    plan = together(plan_view(load_views(ROOT / "tests/compiler/unique_orders.py").views["unique_orders"]))
    copied = copied_events(9, 150)
    seeded_copies = Example(copied, spine(9, counted(copied), 80))
    examples = with_own_ids([seeded_copies, *generated(COPIED_ORDERS, 25)])
    once = [(counted(one.rows), one.askers) for one in examples]
    modes = list(product(["recomputed", "last_write"], ["exact", "tiled"]))
    asked = [
        AskedFeature(name_of(one.name, mode, windows, ""), one, mode, None, windows)  # type: ignore[arg-type]
        for one, (mode, windows) in product(plan.features, modes)
    ]
    found = flink.values(plan, apart(key_sets(plan, tuple(asked))), examples, COPIED)
    for one, (mode, windows) in product(plan.features, modes):
        wanted = [expected(rows, row, one.name, mode, windows, "event") for rows, askers in once for row in askers]  # type: ignore[arg-type]
        assert dict(enumerate(found[name_of(one.name, mode, windows, "")])) == close(dict(enumerate(wanted))), one.name


def _plain(value: Any) -> Any:
    """An instant in µs, as the oracle has it."""
    return round(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value
