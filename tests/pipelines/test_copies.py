"""Orders that come more than once, on the real stack: within history, across the seam, after a stop and a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.pipelines.consistency import Cause
from headrace.pipelines.ledger import Ledger
from headrace.pipelines.lifecycle import resume, stop
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

from .case import Case
from .orders import FEATURES, START, Order, orders
from .rig import TASK_MANAGERS, kill
from .test_main_job import Served, causes

pytestmark = [pytest.mark.stack, pytest.mark.slow]

UNIQUE = FEATURES.replace(
    '    arrival_time = "arrived_at"\n', '    arrival_time = "arrived_at"\n    unique_by = "order_id"\n'
)
HISTORY = orders(1_200, seed=21)
LIVE = orders(400, seed=22, first=1_200)
MORE = orders(200, seed=23, first=1_600)
LAST = orders(100, seed=24, first=1_800)
#: Of the first two some are there twice in history; the rest comes again where nothing but state knows it.
TWICE = HISTORY[:300]
ACROSS = HISTORY[200:700]
AFTER_A_STOP = [*HISTORY[600:800], *LIVE[:100]]
AFTER_A_CRASH = [*HISTORY[:50], *LIVE[50:150], *MORE]


def again(order: Order) -> bytes:
    """The order as it is sent once more, an hour later."""
    values = json.loads(order.record())
    arrived = order.ordered_at + timedelta(days=2 if order.late else 0, hours=1)
    return json.dumps({**values, "arrived_at": arrived.isoformat()}).encode()


def on_time(found: list[Order]) -> int:
    return sum(not one.late for one in found)


@pytest.fixture(scope="module")
def case(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    case = Case(stack_settings, tmp_path_factory.mktemp("copies"))
    case.template = UNIQUE
    try:
        case.make_topic()
        case.send(HISTORY, list(map(again, TWICE)))
        case.archive(len(HISTORY) + len(TWICE))
        yield case
    finally:
        case.close()


def test_an_order_counts_once_wherever_and_whenever_its_copies_come(case: Case, stack: Stack) -> None:
    run = case.backfill(case.plan())
    copies = [*TWICE, *ACROSS]
    case.send(LIVE, list(map(again, ACROSS)))
    assert_once(case.ledger(run, len(HISTORY) + len(LIVE) + len(copies)), [*HISTORY, *LIVE], copies)

    stop(case.platform, run.run)
    case.send(MORE, list(map(again, AFTER_A_STOP)))
    copies += AFTER_A_STOP
    case.note(resume(case.platform, run.run))
    assert_once(case.ledger(run, len(HISTORY) + len(LIVE) + len(MORE) + len(copies)), [*HISTORY, *LIVE, *MORE], copies)

    kill(stack, "flink", *TASK_MANAGERS)
    case.send(LAST, list(map(again, AFTER_A_CRASH)))
    copies += AFTER_A_CRASH
    every = [*HISTORY, *LIVE, *MORE, *LAST]
    assert_once(case.ledger(run, len(every) + len(copies)), every, copies)
    case.assert_online(every)


def assert_once(ledger: Ledger, found: list[Order], copies: list[Order]) -> None:
    """A late order is late each time; every other one is accepted once."""
    assert (ledger.accepted, ledger.duplicate) == (on_time(found), on_time(copies))
    assert ledger.late == len(found) + len(copies) - on_time(found) - on_time(copies)


def test_served_values_are_those_of_a_history_with_copies(case: Case) -> None:
    with case.platform.cassandra.session() as session:
        served = Served(case, CassandraTiles(session))
        assert served.now(START + timedelta(hours=48)).differences == ()
        assert causes(served.now(START + timedelta(hours=37, minutes=7, seconds=13))) == {Cause.TAIL_ROUNDING}
