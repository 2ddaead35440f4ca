"""A look-up table that changes while a job reads a topic, on the real stack: every order sees what the run pinned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.errors import SchemaMismatchError
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.lifecycle import resume, stop
from headrace.runtime.settings import Settings

from .test_dimensions_live_on_stack import ABSURD, FEATURES, Town

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FIRST = {"x": ("food", 2), "y": ("fuel", 3)}
#: What the table becomes: other values, a row that is gone, and one that is new.
THEN = {"x": ("fuel", 100), "nobody": ("food", 100)}


class Market(Town):
    """The orders of a town, whose shops are a Delta table with one row each."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, folder)
        self.delta = folder / "shops"
        timeless = FEATURES.replace('    delay = "10s"\n', "").replace("    since: datetime = event_time()\n", "")
        own = timeless.replace("Dimension, F", "DeltaTable, Dimension, F").replace("asof_join", "lookup")
        self.template = own.replace('IcebergTable("{namespace}.shops")', f"DeltaTable({str(self.delta)!r})")

    def replace_shops(self, *shops: tuple[str, tuple[str, int]]) -> None:
        """Let the table have these rows and no others."""
        names, said = [name for name, _ in shops], [values for _, values in shops]
        columns = {"shop": names, "kind": [kind for kind, _ in said], "factor": [factor for _, factor in said]}
        write_deltalake(str(self.delta), pa.table(columns), mode="overwrite")

    def seen(self, shop: str, at: datetime) -> tuple[str | None, int | None]:
        return FIRST.get(shop, (None, None))


@pytest.fixture
def market(stack_settings: Settings, tmp_path: Path) -> Iterator[Market]:
    found = Market(stack_settings, tmp_path)
    try:
        found.make_topic()
        yield found
    finally:
        found.close()


def test_orders_see_what_the_run_pinned_whatever_becomes_of_the_table(market: Market) -> None:
    """History, the topic, and what comes after a stop; and another generation what the table is by then."""
    hour = market.began - timedelta(hours=1)
    market.order(hour, hour + timedelta(minutes=30))
    market.archive(len(market.orders))
    market.replace_shops(*FIRST.items())
    run = market.backfill(market.plan())
    market.ledger(run, len(market.orders))

    market.replace_shops(*THEN.items())
    market.order(datetime.now(UTC))
    market.send_rows(ABSURD)
    assert market.ledger(run, len(market.orders) + len(ABSURD)).joined[0].startswith("dimension Shops: snapshot ")
    stop(market.platform, run.run)
    market.replace_shops(*THEN.items(), *THEN.items())
    market.order(datetime.now(UTC))
    market.note(resume(market.platform, run.run))
    market.assert_right(run)

    with pytest.raises(SchemaMismatchError, match="has 2 rows of shop"):
        BackfillPipeline(market.plan(), market.platform, generation=2).plan_cutover()
    market.replace_shops(*THEN.items())
    again = BackfillPipeline(market.plan(), market.platform).plan_cutover()
    newer = BackfillPipeline(market.plan(), market.platform, generation=2).plan_cutover()
    assert [pin.snapshot_id for pin in again.dimensions] == [pin["snapshot_id"] for pin in run.cutover["dimensions"]]
    assert newer.dimensions != again.dimensions
