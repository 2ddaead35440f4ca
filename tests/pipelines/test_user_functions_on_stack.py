"""A view that calls functions as a job of the real stack: history and live, stop and resume, dead letters, values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from headrace.pipelines.lifecycle import resume, stop
from headrace.runtime.settings import Settings

from .case import Case
from .orders import FEATURES, START, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FUNCTIONS = '''
@udf(returns=int)
def in_cents(cents, order_id):
    """What an order costs; there is no order 37."""
    if pc.any(pc.equal(order_id, MISSING)).as_py():
        raise LookupError("no such order")
    return cents

@udf(returns=bool)
def is_failed(status):
    return pc.equal(status, "failed")

MISSING = -37
'''
TEMPLATE = (
    FEATURES.replace("event_time, transformation\n", "event_time, transformation, udf\nimport pyarrow.compute as pc\n")
    .replace("\nclass Orders(Source)", f"{FUNCTIONS}\n\nclass Orders(Source)")
    .replace('["cents"].window(wspec).sum()', "[in_cents(orders.cents, orders.order_id)].window(wspec).sum()")
    .replace('orders[orders.status == "failed"]', "orders[is_failed(orders.status)]")
)
HISTORY = orders(1_500, seed=1)
LIVE = orders(500, seed=2, first=1_500)
MORE = orders(200, seed=3, first=2_000)
BAD = [
    json.dumps(
        {
            "order_id": -37,
            "shop": "ams",
            "status": "paid",
            "cents": 5,
            "ordered_at": START.isoformat(),
            "arrived_at": START.isoformat(),
        }
    ).encode()
]


@pytest.fixture
def case(stack_settings: Settings, tmp_path: Path) -> Iterator[Case]:
    found = Case(stack_settings, tmp_path)
    found.template = TEMPLATE
    try:
        found.make_topic()
        found.send(HISTORY, BAD)
        found.archive(len(HISTORY) + len(BAD))
        yield found
    finally:
        found.close()


def test_functions_run_in_a_job_over_history_and_live_and_after_a_resume_without_the_users_file(case: Case) -> None:
    run = case.backfill(case.plan())
    case.send(LIVE, BAD)
    case.ledger(run, len(HISTORY) + len(LIVE) + 2)
    stop(case.platform, run.run)
    (case.folder / "features.py").unlink()
    case.send(MORE, BAD)
    case.note(resume(case.platform, run.run))

    every = [*HISTORY, *LIVE, *MORE]
    ledger = case.ledger(run, len(every) + 3)
    late = sum(one.late for one in every)
    assert (ledger.late, ledger.dead_lettered, ledger.accepted) == (late, 3, len(every) - late)
    case.assert_online(every)
    assert reasons(case) == {"in_cents(cents=5, order_id=-37): LookupError: no such order"}


def reasons(case: Case) -> set[str]:
    """Why rows of this project are dead letters, without the file and line."""
    letters = case.platform.iceberg.load("headrace", "dead_letters")
    with duckdb.connect() as connection:
        connection.register("letters", letters.relation(connection))
        rows = connection.execute("SELECT DISTINCT run, reason FROM letters WHERE verdict = 'dead_letter'").fetchall()
    runs = {run.run for run in case.platform.registry.runs(case.platform.settings.project)}
    found = {reason for run, reason in rows if run in runs}
    assert all(reason.partition(" (")[2].split(":")[0].endswith("features.py") for reason in found)
    return {reason.partition(" (")[0] for reason in found}
