"""Whom a training set and an online read know: those of whom some feature over the same keys let a row in."""

# ruff: noqa: RUF012 (as users write it)
from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation
from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.served import Status
from headrace.connectors.duckdb_functions import view_database
from headrace.features.instant import instant_of
from headrace.pipelines.local_input import open_input
from headrace.pipelines.store_fill import fill_store
from headrace.runtime.online_store import memory_store
from headrace.serving.online import OnlineStore

HOUR, DAY = 3_600_000_000, 86_400_000_000
#: 2026-03-04 00:00 UTC in µs, an edge of tiles of every level.
MIDNIGHT = 1_772_582_400_000_000
CARDS, SHOPS = [f"c{number}" for number in range(60)], ["s0", "s1", "s2", "s3", None]


class Payments(Source):
    """Payments whose kind may not be known."""

    history = IcebergTable("raw.payments")
    allowed_lateness = "2h"
    arrival_time = "reported"
    card: str
    shop: str | None
    kind: str | None
    chip: bool | None
    cents: int
    at: datetime = event_time()
    reported: datetime


@transformation
def refused(tx: Payments, wspec: WindowSpec) -> Any:
    return tx[tx.kind == "refused"].groupby("card").window(wspec).count()


@transformation
def dear(tx: Payments, wspec: WindowSpec) -> Any:
    return tx[(tx.cents > 90) & tx.chip].groupby("card")["cents"].window(wspec).sum()


@transformation
def refused_share(tx: Payments, wspec: WindowSpec) -> Any:
    without = tx[(tx.kind == "refused") & ~tx.chip].groupby("card").window(wspec).count()
    return without / tx[tx.kind == "refused"].groupby("card").window(wspec).count()


@transformation
def last_refused(tx: Payments) -> Any:
    return tx[tx.kind == "refused"].groupby("card")["cents"].last()


@transformation
def refused_there(tx: Payments, wspec: WindowSpec) -> Any:
    at_shops = tx[(tx.kind == "refused") & tx.shop.notnull()]
    return at_shops.groupby(["card", "shop"]).window(wspec).count()


@transformation
def chipless(tx: Payments, wspec: WindowSpec) -> Any:
    return tx[~tx.chip & tx.shop.notnull()].groupby("shop").window(wspec).count()


@transformation
def payments(tx: Payments, wspec: WindowSpec) -> Any:
    return tx.groupby("card").window(wspec).count()


FILTERED = [
    refused.over("1h", "1d"),
    dear.over("1d"),
    refused_share.over("1d"),
    last_refused,
    refused_there.over("1d"),
    chipless.over("1d"),
]


class Behind(FeaturePipeline):
    """Every feature is behind a filter."""

    owner = "cards@example.com"
    clock = "event"
    features = FILTERED


class Beside(FeaturePipeline):
    """Beside them one that lets in each payment of a card."""

    owner = "cards@example.com"
    clock = "event"
    features = [payments.over("1d"), *FILTERED]


PLANS = {pipeline.__name__: plan_view(pipeline.view) for pipeline in (Behind, Beside)}


def paid(chance: random.Random, card: str) -> dict[str, Any]:
    """A payment of the last two days, mostly one that no filter lets in."""
    at = MIDNIGHT - chance.choice([1, HOUR, DAY, DAY + 1, chance.randrange(2 * DAY)])
    return {
        "card": card,
        "shop": chance.choice(SHOPS),
        "kind": chance.choice([None, "paid", "paid", "refused"]),
        "chip": chance.choice([None, True, True, False]),
        "cents": chance.choice([10, 90, 91, 500]),
        "at": instant_of(at),
        "reported": instant_of(at + chance.choice([0, HOUR, 3 * HOUR])),
    }


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few payments of each card, in a file; of the last cards there is none."""
    chance = random.Random(16)
    made = [paid(chance, card) for card in CARDS[:-5] for _ in range(chance.randrange(4))]
    file = tmp_path_factory.mktemp("payments") / "payments.parquet"
    pq.write_table(pa.Table.from_pylist(made), file)
    return file


def never(name: str) -> Any:
    raise AssertionError(name)


def entities(plan: ViewPlan, feature: str) -> list[dict[str, str]]:
    """All that a feature may be asked of, seen or not."""
    of = {"card": CARDS, "shop": [shop for shop in SHOPS if shop is not None]}
    found: list[dict[str, str]] = [{}]
    for key in plan.keys_of(plan.feature(feature)):
        found = [{**one, key.name: value} for one in found for value in of[key.name]]
    return found


def online(plan: ViewPlan, rows: Path) -> dict[str, list[tuple[Any, bool]]]:
    """Of each feature and entity what an online read says at midnight: the value, and whether it knows the entity."""
    found = {}
    with memory_store() as store:
        fill_store(plan, str(rows), never, store, project="demo")
        reader = OnlineStore("demo", store.registry, store.tiles)
        for one in plan.features:
            answers = reader.get_online_features(
                [f"{plan.name}:{one.name}"], entities(plan, one.name), at=instant_of(MIDNIGHT)
            )
            found[one.name] = [(row[0].value, row[0].status != Status.UNKNOWN_ENTITY) for row in answers.rows]
    return found


def in_training(plan: ViewPlan, rows: Path) -> dict[str, list[tuple[Any, bool]]]:
    """The same of a training set with windows in whole tiles."""
    found = {}
    with view_database(plan) as connection:
        open_input(connection, plan.source, str(rows), never)
        for one in plan.features:
            (keys,) = key_sets(plan, (AskedFeature(one.name, one, window_mode="tiled"),))
            spine = [{"_row": row, "_t": MIDNIGHT, **entity} for row, entity in enumerate(entities(plan, one.name))]
            connection.register("spine", pa.Table.from_pylist(spine))
            answers = connection.sql(point_in_time_sql(keys, "spine", "archive")).order("_row").fetchall()
            found[one.name] = [(value, seen_us is not None) for _, seen_us, value in answers]
    return found


@pytest.mark.parametrize("view", PLANS)
def test_a_training_set_knows_whom_an_online_read_knows(rows: Path, view: str) -> None:
    plan = PLANS[view]
    served, trained = online(plan, rows), in_training(plan, rows)
    assert trained == served
    assert {is_known for _, is_known in served["refused_1d"]} == {True, False}
    assert (0, True) in served["refused_1d"]


def test_a_card_that_no_filter_let_in_is_known_by_a_feature_without_one(rows: Path) -> None:
    behind, beside = (in_training(plan, rows)["refused_1d"] for plan in PLANS.values())
    only_beside = [(one, other) for one, other in zip(behind, beside, strict=True) if one != other]
    assert only_beside
    assert set(only_beside) == {((None, False), (0, True))}
