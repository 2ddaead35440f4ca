import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import MAX_TABLE_NAME, ViewPlan, table_name
from headrace.compiler.tiles import DAY_US, HOUR_US
from headrace.errors import SettingsError
from headrace.features import load_views

EXAMPLE = Path(__file__).parent / "every_aggregate.py"
LIFETIMES = (
    "orders_ever",
    "revenue_ever",
    "weight_mean_ever",
    "weight_var_ever",
    "least_weight_ever",
    "shops_ever",
    "first_shop",
    "heavy_share_ever",
    "last_cents_ever",
    "cents_spread_ever",
    "top_express_ever",
)


def plan_of(path: Path, name: str) -> ViewPlan:
    return plan_view(load_views(path).views[name])


def variant(tmp_path: Path, *changes: tuple[str, str]) -> ViewPlan:
    """The plan of the example with pieces of its text replaced."""
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "changed.py"
    path.write_text(text)
    return plan_of(path, "shop_features")


def test_a_plan_survives_json(plan: ViewPlan) -> None:
    assert ViewPlan.from_json(plan.to_json()) == plan


def test_a_plan_of_another_version_of_headrace_is_refused_by_name(plans: dict[str, ViewPlan]) -> None:
    data = plans["shop_features"].to_dict()
    data["groups"][0]["retention_us"] = data["groups"][0].pop("retentions_us")
    with pytest.raises(SettingsError, match=r"view shop_features, .*retention_us.*backfill the view again"):
        ViewPlan.from_dict(data)


def test_features_with_one_filter_and_keys_share_a_group(plans: dict[str, ViewPlan]) -> None:
    plan = plans["shop_features"]
    assert [len(plan.features_of(group)) for group in plan.groups] == [32, 11, 1, 3, 1, 1]
    assert plan.group(plan.feature("orders_1h").group).levels_us == (300_000_000, 3_600_000_000, 86_400_000_000)
    assert plan.feature("orders_1h").partials == ()
    assert plan.feature("weighed_1h").partials == ("count_weight",)


def test_what_has_no_window_keeps_its_coarsest_tiles_for_ever_and_finer_ones_until_they_are_in_them(
    plans: dict[str, ViewPlan],
) -> None:
    plan, grace = plans["shop_features"], 2 * HOUR_US + 5_000_000
    group = plan.group(plan.feature("orders_ever").group)
    assert group.levels_us == (300_000_000, HOUR_US, DAY_US, 32 * DAY_US, 1024 * DAY_US)
    # The finest are the as-of value's too, which reads the newest of them however old it is.
    assert group.retentions_us == (None, DAY_US + grace, 32 * DAY_US + grace, 1024 * DAY_US + grace, None)


def test_an_as_of_group_keeps_its_tiles_for_ever(tmp_path: Path) -> None:
    alone = (f"        {name},\n" for name in LIFETIMES)
    plan = variant(tmp_path, *((line, "") for line in alone))
    group = plan.group(plan.feature("last_status").group)
    assert group.retentions_us == (None,)
    assert group.levels_us == (300_000_000,)


def test_a_window_keeps_all_tiles_as_long_as_it_may_read_them(plans: dict[str, ViewPlan]) -> None:
    group = plans["shop_features"].group(plans["shop_features"].feature("orders_1h").group)
    assert set(group.retentions_us) == {20 * DAY_US + DAY_US + 2 * HOUR_US + 5_000_000}


def test_fingerprints_are_the_same_in_another_process(plans: dict[str, ViewPlan]) -> None:
    script = (
        "import sys; from headrace.features import load_views; from headrace.compiler.build import plan_view\n"
        "print(plan_view(load_views(sys.argv[1]).views['shop_features']).version)"
    )
    found = subprocess.run([sys.executable, "-c", script, str(EXAMPLE)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == plans["shop_features"].version


@pytest.mark.parametrize(
    "change",
    [
        ("Every aggregate over several levels", "Another docstring"),
        ("shop@example.com", "other@example.com"),
        ("    express: bool\n", "    express: bool\n    note: str | None\n"),
    ],
)
def test_what_computes_nothing_keeps_fingerprints(tmp_path: Path, plans: dict[str, ViewPlan], change) -> None:
    changed = variant(tmp_path, change)
    assert changed.version == plans["shop_features"].version
    assert changed.groups == plans["shop_features"].groups


def test_a_ratio_shares_the_tiles_of_what_it_is_made_of(tmp_path: Path, plans: dict[str, ViewPlan]) -> None:
    plan = plans["shop_features"]
    numerator, denominator = plan.feature("failed_share_3d").parts
    assert denominator.group == plan.feature("orders_3d").group != numerator.group
    assert plan.feature("failed_share_3d").type == "float"
    without = variant(tmp_path, ("        failed_share.over", "        # failed_share.over"))
    assert without.group(denominator.group) == plan.group(denominator.group)
    assert numerator.group not in {group.fingerprint for group in without.groups}


def test_a_lag_reads_the_tiles_of_the_other_windows(tmp_path: Path, plans: dict[str, ViewPlan]) -> None:
    changed = variant(tmp_path, (', WindowSpec("1h", lag="1d")', ""))
    assert [g.fingerprint for g in changed.groups] == [g.fingerprint for g in plans["shop_features"].groups]
    further = variant(tmp_path, ('lag="1d"', 'lag="90d"'))
    group = further.group(further.feature("orders_1h_lag_90d").group)
    assert set(group.retentions_us) == {90 * DAY_US + HOUR_US + 300_000_000 + 2 * HOUR_US + 5_000_000}


def test_a_window_inside_the_retention_reuses_tiles(tmp_path: Path, plans: dict[str, ViewPlan]) -> None:
    changed = variant(tmp_path, ('orders.over("1h", "3d", "20d",', 'orders.over("1h", "3d", "15d", "20d",'))
    assert [g.fingerprint for g in changed.groups] == [g.fingerprint for g in plans["shop_features"].groups]
    assert changed.version != plans["shop_features"].version


@pytest.mark.parametrize(
    "change",
    [
        ('allowed_lateness = "2h"', 'allowed_lateness = "3h"'),
        ("    express: bool\n", "    express: bool\n    note: str\n"),
        ('IcebergTable("raw.orders")', 'IcebergTable("raw.orders2")'),
        ('Literal["paid", "failed",', 'Literal["paid", "failed", "void",'),
        ("    shop: str\n", '    unique_by = "shop"\n    shop: str\n'),
    ],
)
def test_what_changes_the_accepted_rows_changes_all_tables(tmp_path: Path, plans: dict[str, ViewPlan], change) -> None:
    changed = {group.fingerprint for group in variant(tmp_path, change).groups}
    assert not changed & {group.fingerprint for group in plans["shop_features"].groups}


def test_copies_agree_in_what_features_read(plans: dict[str, ViewPlan]) -> None:
    assert plans["unique_orders"].source.same_in == ("number", "ordered_at", "cents", "shop", "status", "weight")
    assert plans["shop_features"].source.same_in == ()


def test_a_column_more_that_is_read_makes_other_tiles_where_rows_have_copies(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "unique_orders.py").read_text()
    plans = []
    for number, column in enumerate(("cents", "customer")):
        path = tmp_path / f"changed{number}.py"
        path.write_text(text.replace('["cents"].window(wspec).top_k(3)', f'["{column}"].window(wspec).top_k(3)'))
        plans.append(plan_of(path, "unique_orders"))
    first, second = ({group.fingerprint for group in plan.groups} for plan in plans)
    assert not first & second


def test_table_names_fit_and_stay_apart() -> None:
    long = [table_name("project", "v" * 60 + end, "0a1b2c3d", 12) for end in "ab"]
    assert len(set(long)) == 2
    assert all(len(name) <= MAX_TABLE_NAME and re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in long)


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ('["weight"].window(wspec).median()', '["weight"].window(wspec).quantile(0.51)'),
        ('["cents"].quantiles([0, 0.25, 0.700001, 1])', '["cents"].quantiles([0, 0.25, 1, 0.700001])'),
        ('["status"].window(wspec).top_k(2)', '["status"].window(wspec).top_k(3)'),
    ],
)
def test_what_is_read_from_a_sketch_is_another_version_over_the_same_tiles(
    tmp_path: Path, plans: dict[str, ViewPlan], line: str, other: str
) -> None:
    plan, changed = plans["shop_features"], variant(tmp_path, (line, other))
    assert changed.version != plan.version
    assert changed.groups == plan.groups
