"""The same rows on both engines: nothing differs, and what is made to differ is seen with its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace import Features, on_demand
from headrace.compiler import flink_tiles, merge
from headrace.compiler.build import plan_view
from headrace.compiler.cells import Cells
from headrace.compiler.plan import PlannedFeature
from headrace.connectors.duckdb_files import database
from headrace.connectors.tile_store import Tile
from headrace.errors import JobError, NotFoundError, PreflightError, RequestError
from headrace.features.instant import instant_of
from headrace.features.load import load_views
from headrace.features.on_demand import traced
from headrace.pipelines.engine_diff import compare, diff_locally
from headrace.pipelines.flink_run import run_on_flink
from headrace.pipelines.flink_tiles import PROJECT, FlinkEngine, FlinkTiles, folded_by_flink
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table

from ..compiler import (  # noqa: TID252 (the oracles are the compiler's)
    copied,
    events,
    local_days,
    nested_logins,
    widths,
)
from ..compiler.filtered import FilteredOrders  # noqa: TID252
from ..compiler.many_keys import AlikeOrders  # noqa: TID252
from ..compiler.test_copies import COPIED  # noqa: TID252
from ..compiler.test_duckdb_sql import SCHEMA, close  # noqa: TID252
from ..compiler.test_nested import PLAN as NESTED  # noqa: TID252
from ..compiler.test_nested import SCHEMA as NESTED_SCHEMA  # noqa: TID252
from ..testing.test_plugin import FEATURES  # noqa: TID252
from .examples import COPIED_ORDERS, EXAMPLE, Example, apart, by_hand, generated, table_of, with_own_ids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DAYS = plan_view(local_days.ShopDays.view)
UNIQUE = apart(plan_view(load_views(ROOT / "tests/compiler/unique_orders.py").views["unique_orders"]))
WRITTEN = load_views(ROOT / "tests/compiler/every_aggregate.py").views["shop_features"]


@on_demand
def revenue_per_order(f: Features) -> Any:
    return f.revenue_90m / f.orders_1h


@on_demand
def since_newest(f: Features) -> Any:
    return f.newest_order_1h.epoch_seconds() - f.revenue_per_order.fill_null(0).floor()


@on_demand
def dear(f: Features) -> Any:
    return f.cents_by_weight_1h.isnull() | (f.revenue_per_order > 100)


TYPES = {one.name: one.aggregate.type for one in WRITTEN.features}
ON_DEMAND = traced([revenue_per_order, since_newest, dear], TYPES, [], "here")
BESIDE = (AlikeOrders, FilteredOrders, widths.WideOrders)
EVERY = (*WRITTEN.features, *(feature for one in BESIDE for feature in one.view.features))
WHOLE = plan_view(replace(WRITTEN, features=EVERY, on_demand=ON_DEMAND))
SHOP = apart(WHOLE)
ORACLE = {**events.SPECS, **events.FILTERED, **events.WIDTHS}
#: Instants at edges of tiles and windows, long before the end, and before all but the oldest events.
INSTANTS = (
    events.BASE,
    events.BASE + 7 * events.MINUTE + 3,
    events.BASE - events.HOUR - 1,
    events.BASE - 20 * events.DAY,
    events.BASE - events.YEARS + events.MINUTE,
)


def never(name: str) -> Any:
    raise AssertionError(name)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FlinkEngine:
    flags = {"home": str(tmp_path_factory.mktemp("home")), "jars": str(ROOT / ".build/jars")}
    return FlinkEngine(local_session(load_settings(flags=flags, environment={})), served_table)


@cache
def examples() -> list[Example]:
    """Seeded events, which differences are planted in, and what hypothesis thinks of."""
    askers = [{"_t": events.BASE, "shop": shop, "customer": 1, "express": True} for shop in ("a", "b", "")]
    return [Example(events.events(11, 600), askers), *by_hand(), *generated()]


@cache
def accepted() -> list[list[events.Row]]:
    """Of each example the rows that count."""
    return [[row for row in one.rows if events.verdict(row) == "accepted"] for one in examples()]


@cache
def copies() -> list[Example]:
    """The same of rows that come more than once."""
    return with_own_ids([Example(copied.copied_events(11, 400), []), *generated(COPIED_ORDERS, 25)])


@pytest.fixture(scope="module")
def all_shops(engine: FlinkEngine) -> Iterator[tuple[Any, FlinkTiles]]:
    """Random events of every kind of aggregate, and the tiles that Flink makes of them in one job."""
    with database("shops") as connection:
        rows = [in_partitions_of(number, one.rows) for number, one in enumerate(examples())]
        connection.register("archive", table_of(rows, SCHEMA))
        with folded_by_flink(connection, SHOP, engine) as tiles:
            yield connection, tiles


def in_partitions_of(number: int, rows: list[events.Row]) -> list[events.Row]:
    """The rows of an example in two partitions of its own, so that the ledger counts them by themselves."""
    return [{**row, "_src_partition": 2 * number + row["_src_partition"]} for row in rows]


def only(tiles: FlinkTiles, number: int) -> FlinkTiles:
    """What was made of one example's rows."""
    blocks = {partition: counts for partition, counts in tiles.blocks.items() if partition // 2 == number}
    entities = {names: {key for key in keys if key[-1] == number} for names, keys in tiles.entities.items()}
    return replace(tiles, blocks=blocks, entities=entities)


@pytest.fixture(scope="module")
def shop(all_shops: tuple[Any, FlinkTiles]) -> Iterator[tuple[Any, FlinkTiles]]:
    """The seeded example alone."""
    with database("shop") as connection:
        connection.register("archive", table_of([examples()[0].rows], SCHEMA))
        yield connection, only(all_shops[1], 0)


@pytest.fixture(scope="module")
def unique(engine: FlinkEngine) -> Iterator[tuple[Any, FlinkTiles]]:
    """Random events of which many come more than once."""
    with database("unique") as connection:
        rows = [in_partitions_of(number, one.rows) for number, one in enumerate(copies())]
        connection.register("archive", table_of(rows, COPIED))
        with folded_by_flink(connection, UNIQUE, engine) as tiles:
            yield connection, tiles


@pytest.mark.parametrize("at_us", INSTANTS)
def test_both_engines_agree_on_random_events(all_shops: tuple[Any, FlinkTiles], at_us: int) -> None:
    found = compare(all_shops[0], SHOP, all_shops[1], as_of=instant_of(at_us))
    assert (found.lines(), found.differing) == ([], 0)
    assert found.verdicts[0] == found.verdicts[1]
    assert min(found.verdicts[1].values()) > 0
    assert found.values > len(SHOP.features)
    assert not found.features_left_out


def test_what_is_served_of_flinks_tiles_equals_a_loop_over_all_events(all_shops: tuple[Any, FlinkTiles]) -> None:
    assert_served(all_shops[1], examples(), accepted(), ORACLE)


def assert_served(
    tiles: FlinkTiles, asking: list[Example], counted: list[list[events.Row]], oracle: dict[str, events.Spec]
) -> None:
    """Each asker of each example gets what a loop over the rows that count says, and not always nothing."""
    asked: dict[int, list[tuple[int, events.Row]]] = {}
    for number, example in enumerate(asking):
        for asker in example.askers:
            asked.setdefault(asker["_t"], []).append((number, asker))
    by_keys = {keys: [name for name in oracle if oracle[name][0] == keys] for keys, *_ in oracle.values()}
    known = set()
    for (at_us, askers), (keys, names) in product(asked.items(), by_keys.items()):
        named = [(number, asker) for number, asker in askers if None not in map(asker.get, keys)]
        entities = [{**{key: asker[key] for key in keys}, EXAMPLE.name: number} for number, asker in named]
        found = tiles.values(names, entities, instant_of(at_us))
        for name in names:
            wanted = {place: by_a_loop(counted[one], asker, name) for place, (one, asker) in enumerate(named)}
            assert dict(enumerate(map(events.micros, found[name].to_pylist()))) == close(wanted), (name, at_us)
            known |= {name for value in wanted.values() if value is not None}
    assert known == set(oracle)


def by_a_loop(counted: list[events.Row], asker: events.Row, name: str) -> Any:
    """What is served of a feature at a time of the past, of the rows that count: whoever was ever seen is known."""
    keys, passes, argument, function, window, tail = ORACLE[name]
    mine = [row for row in counted if all(row[key] == asker[key] for key in keys)]
    if not any(events.makes_known(row, keys) for row in mine):
        return None
    start, end = events.bounds(name, asker["_t"], window, tail, "tiled")
    return events.aggregate(
        function, [row for row in mine if passes(row) and start <= row["ordered_at"] < end], argument
    )


def test_the_ledger_counts_what_a_loop_says_of_each_row(all_shops: tuple[Any, FlinkTiles]) -> None:
    wanted = [Counter(map(events.verdict, example.rows)) for example in examples()]
    found = [Counter(only(all_shops[1], number).verdicts) for number in range(len(examples()))]
    assert [+counts for counts in found] == wanted
    assert min(sum(wanted[1:], Counter()).values()) > 10


def test_an_on_demand_feature_that_differs_is_told_with_the_rows_of_what_it_reads(shop: tuple[Any, FlinkTiles]) -> None:
    tiles = served_wrong(shop[1], "revenue_per_order", -1.0)
    asked = {"features": ["revenue_per_order"], "as_of": instant_of(events.BASE)}
    (one,) = compare(shop[0], SHOP, tiles, **asked).differences
    both = [
        compare(shop[0], SHOP, served_wrong(shop[1], name, wrong), features=[name], as_of=instant_of(events.BASE))
        for name, wrong in (("revenue_90m", -1), ("orders_1h", -1))
    ]
    counts = [each.differences[0].rows.num_rows for each in both if each.differences[0].rows is not None]
    assert (one.feature, one.flink) == ("revenue_per_order", -1.0)
    assert one.rows is not None
    assert one.rows.num_rows == sum(counts)


@pytest.mark.parametrize("at_us", INSTANTS[:3])
def test_both_engines_count_one_of_the_copies_of_a_row(unique: tuple[Any, FlinkTiles], at_us: int) -> None:
    """Flink takes the first that it reads, DuckDB the first that arrived: mostly another one."""
    found = compare(unique[0], UNIQUE, unique[1], as_of=instant_of(at_us))
    assert (found.lines(), found.differing) == ([], 0)
    assert Counter(found.verdicts[1]) == sum((Counter(copied.verdicts(one.rows)) for one in copies()), Counter())
    assert min(found.verdicts[1].values()) > 0


def test_what_is_served_of_copies_equals_a_loop_over_those_that_count(unique: tuple[Any, FlinkTiles]) -> None:
    oracle = {feature.name: events.SPECS[feature.name] for feature in UNIQUE.features}
    assert_served(unique[1], copies(), [copied.counted(one.rows) for one in copies()], oracle)


@pytest.fixture(scope="module")
def nested(engine: FlinkEngine) -> Iterator[tuple[Any, FlinkTiles]]:
    """Random rows with structs and lists, NULL at every level, some of them more than once."""
    with database("nested") as connection:
        connection.register("archive", pa.Table.from_pylist(nested_logins.rows(11, 600), schema=NESTED_SCHEMA))
        with folded_by_flink(connection, NESTED, engine) as tiles:
            yield connection, tiles


@pytest.mark.parametrize("at_us", [nested_logins.BASE, nested_logins.BASE - nested_logins.HOUR // 2])
def test_both_engines_agree_on_structs_and_lists(nested: tuple[Any, FlinkTiles], at_us: int) -> None:
    found = compare(nested[0], NESTED, nested[1], as_of=instant_of(at_us))
    assert (found.lines(), found.differing) == ([], 0)
    assert found.verdicts[0] == found.verdicts[1] == nested_logins.verdicts(nested_logins.rows(11, 600))
    assert found.values == 3 * len(NESTED.features)


@pytest.fixture(scope="module")
def days(engine: FlinkEngine) -> Iterator[tuple[Any, FlinkTiles]]:
    """Random events around midnights in many zones, and the tiles that Flink makes of them in one job."""
    with database("days") as connection:
        connection.register("archive", pa.Table.from_pylist(local_days.rows(11, 600), schema=SCHEMA))
        with folded_by_flink(connection, DAYS, engine) as tiles:
            yield connection, tiles


def test_both_engines_agree_on_calendar_days(days: tuple[Any, FlinkTiles]) -> None:
    for at_us in [*local_days.MIDNIGHTS, *local_days.instants(11, 24)]:
        found = compare(days[0], DAYS, days[1], as_of=instant_of(at_us))
        assert (found.lines(), found.differing) == ([], 0), at_us
        assert found.values >= len(DAYS.features)


def test_calendar_days_of_flinks_tiles_equal_a_loop_over_dates(days: tuple[Any, FlinkTiles]) -> None:
    rows, names = local_days.rows(11, 600), list(local_days.DAYS)
    for at_us in local_days.instants(12, 24):
        wanted = {name: local_days.expected(rows, name, at_us, "tiled") for name in names}
        shops = sorted(wanted["orders_1cd"])
        served = days[1].values(names, [{"shop": shop} for (shop,) in shops], instant_of(at_us)).to_pydict()
        for name in names:
            assert dict(zip(shops, served[name], strict=True)) == close(wanted[name]), (name, at_us)


def served_wrong(tiles: FlinkTiles, feature: str, wrong: Any) -> FlinkTiles:
    """Tiles of which one feature is served wrongly for the first entity."""

    def serve(*given: Any) -> pa.Table:
        table = tiles.serve(*given)
        name = f"{SHOP.name}:{feature}"
        if name not in table.column_names:
            return table
        values = [wrong, *table[name].to_pylist()[1:]]
        return table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))

    return replace(tiles, serve=serve)


def test_a_value_that_differs_is_told_with_its_rows(shop: tuple[Any, FlinkTiles]) -> None:
    connection, tiles = shop
    (one,) = compare(connection, SHOP, served_wrong(tiles, "orders_1h", -1), as_of=instant_of(events.BASE)).differences
    shop_ = one.entity["shop"]
    rows = [row for row in accepted()[0] if row["shop"] == shop_]
    inside = [row for row in rows if events.BASE - events.HOUR <= row["ordered_at"] < events.BASE]
    assert (one.feature, one.duckdb, one.flink) == ("orders_1h", len(inside), -1)
    assert one.rows is not None
    assert sorted(one.rows["_src_offset"].to_pylist()) == [row["_src_offset"] for row in inside]
    assert (
        str(one)
        == f"orders_1h of shop={shop_!r}, _example=0: duckdb {len(inside)}, flink -1; made of {len(inside)} rows"
    )


@pytest.mark.parametrize(("feature", "right", "wrong"), [("orders_1h", 0, None), ("last_weight_1h", None, 0.0)])
def test_nothing_is_not_zero(
    shop: tuple[Any, FlinkTiles], feature: str, right: float | None, wrong: float | None
) -> None:
    at = instant_of(events.BASE + events.DAY)
    (one,) = compare(shop[0], SHOP, served_wrong(shop[1], feature, wrong), as_of=at).differences
    assert (one.duckdb, one.flink) == (right, wrong)


def functions(feature: str) -> set[str]:
    """What a feature is merged by, or what it reads is."""
    found = SHOP.any_feature(feature)
    read = (found,) if isinstance(found, PlannedFeature) else map(SHOP.feature, found.inputs)
    return {part.function for one in read for part in one.parts}


@pytest.mark.parametrize("function", merge.MERGES)
def test_merging_that_loses_tiles_is_seen(
    shop: tuple[Any, FlinkTiles], function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = merge.MERGES[function]

    def losing(feature: PlannedFeature, cells: Cells) -> Any:
        return whole(feature, Cells(cells.rows[len(cells) // 2 + 1 :], cells.places))

    monkeypatch.setitem(merge.MERGES, function, losing)
    found = compare(shop[0], SHOP, shop[1], as_of=instant_of(events.BASE)).differences
    assert found
    assert all(function in functions(one.feature) for one in found)


def test_rows_of_another_verdict_differ(shop: tuple[Any, FlinkTiles]) -> None:
    blocks = {partition: {**counts, "late": 0} for partition, counts in shop[1].blocks.items()}
    found = compare(shop[0], SHOP, replace(shop[1], blocks=blocks), as_of=instant_of(events.BASE))
    assert found.differing == 1
    assert found.lines() == [f"rows late: duckdb {shop[1].verdicts['late']}, flink 0"]


def test_an_entity_of_which_there_is_a_tile_and_no_row_differs(shop: tuple[Any, FlinkTiles]) -> None:
    connection, tiles = shop
    keys = ("shop", EXAMPLE.name)
    group = next(one for one in SHOP.groups if tuple(key.name for key in one.keys) == keys)
    entities = {**tiles.entities, keys: tiles.entities[keys] | {("nobody", 0)}}
    named = f"{PROJECT}_{SHOP.name}_{group.fingerprint}_g1"
    nothing = tuple(None for _ in group.cell[1:])
    tiles.store.tiles.write(
        named, group, [Tile(("nobody", 0), group.finest_us, events.BASE, (1, *nothing), events.BASE)]
    )
    found = compare(connection, SHOP, replace(tiles, entities=entities), as_of=instant_of(events.BASE))
    assert {one.entity["shop"] for one in found.differences} == {"nobody"}
    assert all(one.duckdb is None and one.flink == 0 for one in found.differences)
    tiles.store.tiles.erase(named, group, [("nobody", 0)])


def test_the_newest_rows_are_compared_by_default(
    tmp_path: Path, engine: FlinkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "features.py").write_text(FEATURES)
    (tmp_path / "tx.csv").write_text("card,cents,at\na,3,2026-01-01T10:00:00Z\na,4,2026-01-01T10:00:01Z\n")
    cards = plan_view(load_views(tmp_path / "features.py").views["cards"])
    monkeypatch.setitem(flink_tiles.CALLS, "sum", lambda x, partial, label: f"MAX({x}) + 1")
    (one,) = diff_locally(cards, str(tmp_path / "tx.csv"), never, engine).differences
    assert (one.duckdb, one.flink) == (7, 5)
    assert run_on_flink(cards, str(tmp_path / "tx.csv"), never, engine).tables[0]["spent_1h"].to_pylist() == [5]


def test_an_overflow_ends_the_job_and_names_the_feature(tmp_path: Path, engine: FlinkEngine) -> None:
    (tmp_path / "features.py").write_text(FEATURES)
    (tmp_path / "tx.csv").write_text("card,cents,at\n" + f"a,{2**62},2026-01-01T10:00:00Z\n" * 3)
    cards = plan_view(load_views(tmp_path / "features.py").views["cards"])
    with pytest.raises(JobError, match="spent"):
        run_on_flink(cards, str(tmp_path / "tx.csv"), never, engine)


def test_what_cannot_be_asked_is_refused_before_flink_starts(tmp_path: Path, engine: FlinkEngine) -> None:
    never_used = replace(engine, session=None)  # type: ignore[arg-type]
    (tmp_path / "features.py").write_text(FEATURES)
    (tmp_path / "tx.csv").write_text("card,cents,at\n")
    cards = plan_view(load_views(tmp_path / "features.py").views["cards"])
    for ask in (run_on_flink, diff_locally):
        with pytest.raises(NotFoundError, match="did you mean 'spent_1h'"):
            ask(cards, str(tmp_path / "tx.csv"), never, never_used, features=["spend_1h"])
        with pytest.raises(RequestError, match="no row of Payments is accepted"):
            ask(cards, str(tmp_path / "tx.csv"), never, never_used)


def test_flink_needs_java_and_says_who_tells_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match=r"Flink cannot run here: no Java on the PATH .*; `headrace doctor`"):
        local_session(load_settings(environment={}, folder=tmp_path))
