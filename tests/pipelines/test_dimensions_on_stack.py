"""A backfill that joins a dimension, on the real stack: what is served, what the ledger and consistency say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.schema import Field, archive_fields
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.consistency import Consistency
from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
from headrace.pipelines.ledger import ledger_of
from headrace.pipelines.lifecycle import promote, record_run, submit
from headrace.registry.store import Run
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore

from .case import wait_until
from .test_dimensions import FEATURES, MORNING, PAYMENTS, VALUES, shops

pytestmark = [pytest.mark.stack, pytest.mark.slow]

AT = MORNING + timedelta(hours=24)
NAMES = ["card_payments:weighed_1d", "card_payments:meals_1d"]
SHOPS = [Field("shop", "string"), Field("kind", "string"), Field("factor", "double"), Field("since", "timestamp")]


class Town:
    """Payments, shops and runs of a test's own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        name = uuid4().hex[:8]
        changes = {
            "project": f"t{name}",
            "home": folder / "home",
            "cassandra": settings.cassandra.model_copy(update={"keyspace": f"k{name}"}),
            "flink": settings.flink.model_copy(update={"parallelism": 2}),
        }
        self.platform = Platform(settings.model_copy(update=changes))
        text = FEATURES.replace("{history}", f'IcebergTable("n{name}.shops")').replace("{live}", "")
        (folder / "features.py").write_text(text.replace("raw.payments", f"n{name}.payments"))
        self.plan: ViewPlan = plan_view(load_views(folder / "features.py").views["card_payments"])
        self.shops = self.platform.iceberg.create_table(f"n{name}", "shops", SHOPS)
        self.shops.append(shops())
        self._archive(f"n{name}")

    def run(self, generation: int = 1) -> Run:
        """A whole run, from the first check to the end of its job."""
        pipeline = BackfillPipeline(self.plan, self.platform, checkpoint_interval="1 s", generation=generation)
        prepared = pipeline.prepare()
        record_run(self.platform, prepared)
        run = submit(self.platform, prepared.run_id)
        wait_until(lambda: self.platform.flink.job(str(run.job_id)).is_over)
        assert self.platform.flink.job(str(run.job_id)).state == "FINISHED"
        return run

    def served(self) -> tuple[dict[str, tuple[Any, Any]], Consistency]:
        """What is served at midnight, and that beside history."""
        project, registry = self.platform.settings.project, self.platform.registry
        with self.platform.cassandra.session() as session:
            store = OnlineStore(project, registry, CassandraTiles(session))
            answer = store.get_online_features(NAMES, [{"card": "a"}, {"card": "b"}], at=AT)
            check = ConsistencyCheck(self.platform, serving_version(registry, project, "card_payments"))
            compared = check.compare([answer.to_dict(statuses=True, asked=True)], "store")
        values = [tuple(value.value for value in row) for row in answer.rows]
        return dict(zip(("a", "b"), values, strict=True)), compared

    def close(self) -> None:
        with self.platform.cassandra.session() as session:
            session.drop_keyspace()

    def _archive(self, namespace: str) -> None:
        table = self.platform.iceberg.create_table(namespace, "payments", archive_fields(self.plan.source.columns))
        lines = [line.split(",") for line in PAYMENTS.splitlines()[1:]]
        beyond = datetime.now(AT.tzinfo) + timedelta(hours=1)
        rows = [{"card": c, "shop": s, "amt": float(amt), "ts": datetime.fromisoformat(ts)} for c, s, amt, ts in lines]
        rows.append({"card": "a", "shop": "x", "amt": 64.0, "ts": beyond})
        position = {"_src_topic": "t", "_src_partition": 0}
        whole = [
            {**row, **position, "_src_offset": place, "_src_timestamp": row["ts"]} for place, row in enumerate(rows)
        ]
        table.append(pa.Table.from_pylist(whole, schema=table.table.schema().as_arrow()))


@pytest.fixture
def town(stack_settings: Settings, tmp_path: Path) -> Iterator[Town]:
    found = Town(stack_settings, tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_a_generation_sees_the_versions_that_its_first_run_pinned(town: Town) -> None:
    first = town.run()
    ledger = ledger_of(town.platform, first.run)
    assert ledger.holds, ledger.to_text()
    assert (ledger.accepted, ledger.dead_lettered) == (len(PAYMENTS.splitlines()) - 1, 1)
    values, compared = town.served()
    assert (values, compared.differences) == (VALUES, ())

    town.shops.append(shops().set_column(2, "factor", pa.array([100.0] * 4)))
    again = town.run()
    assert again.cutover["dimensions"] == first.cutover["dimensions"]
    values, compared = town.served()
    assert (values, compared.differences) == (VALUES, ())

    town.run(generation=2)
    promote(town.platform, "card_payments", town.plan.version, generation=2)
    values, compared = town.served()
    assert {card: value[0] for card, value in values.items()} == {"a": 700.0, "b": 800.0}
    assert compared.differences == ()
