"""Orders whose bill is a struct and whose costs are a list, on the real stack: from JSON on Kafka to what is served."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.runtime.settings import Settings

from .case import Case
from .orders import FEATURES, Order, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

BILL = '''
class Bill:
    """What an order costs."""

    status: Literal["paid", "failed"]
    cents: int
    note: str | None


class Orders(Source):'''
NESTED = (
    FEATURES.replace("\nclass Orders(Source):", BILL)
    .replace(
        '    status: Literal["paid", "failed"]\n    cents: int\n    ordered',
        "    bill: Bill\n    costs: list[int]\n    ordered",
    )
    .replace("orders.status", "orders.bill.status")
    .replace('["cents"].window(wspec).last_n', "[orders.costs[-1]].window(wspec).last_n")
    .replace('["cents"]', "[orders.bill.cents]")
)
HISTORY, LIVE = orders(600, seed=41), orders(300, seed=42, first=600)
#: What is wrong inside of a record, and the reason that it must have.
WRONG = {
    "bill": ({"status": "paid"}, "unparsable: column 'bill.cents': required, found missing"),
    "costs": ([1, None], "unparsable: column 'costs[1]': required, found null"),
}


def nested(order: Order) -> bytes:
    """The order with a bill and a list of costs."""
    values = json.loads(order.record())
    status, cents = values.pop("status"), values.pop("cents")
    bill = {"status": status, "cents": cents, "unread": [{}]}
    return json.dumps({**values, "bill": bill, "costs": [7, cents]}).encode()


def broken(name: str) -> bytes:
    return json.dumps({**json.loads(nested(HISTORY[0])), name: WRONG[name][0]}).encode()


@pytest.fixture
def case(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    case = Case(stack_settings, tmp_path_factory.mktemp("nested"))
    case.template = NESTED
    try:
        case.make_topic()
        case.send([], [*map(nested, HISTORY), *map(broken, WRONG)])
        case.archive(len(HISTORY) + len(WRONG))
        yield case
    finally:
        case.close()


def test_structs_and_lists_are_archived_judged_and_served_as_columns_are(case: Case) -> None:
    run = case.backfill(case.plan())
    case.send([], [*map(nested, LIVE), *map(broken, WRONG)])
    ledger = case.ledger(run, len(HISTORY) + len(LIVE) + 2 * len(WRONG))
    assert ledger.dead_lettered == 2 * len(WRONG)
    case.assert_online([*HISTORY, *LIVE])
    letters = case.platform.iceberg.load(LEDGER_NAMESPACE, "dead_letters").arrow().to_pylist()
    found = sorted(one["reason"] for one in letters if one["run"] == run.run and one["verdict"] == "dead_letter")
    assert found == sorted([reason for _, reason in WRONG.values()] * 2)
