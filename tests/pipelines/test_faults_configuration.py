"""The options of a job by which it survives: what is saved, what is kept when it ends, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import DAY_US
from headrace.features.load import load_views
from headrace.pipelines.configuration import archive_configuration, view_configuration
from headrace.pipelines.tuning import tuned
from headrace.runtime.checkpointing import Checkpointing

from .orders import FEATURES

CHECKPOINTING = Checkpointing("file:///checkpoints", "file:///savepoints", "3 s")


@pytest.fixture
def plan(tmp_path: Path) -> ViewPlan:
    file = tmp_path / "features.py"
    text = FEATURES.replace("{namespace}", "raw").replace("{topic}", "orders")
    file.write_text(text.replace("{windows}", '"1h", "1d"'))
    return plan_view(load_views(file).views["shop_orders"])


def test_a_tile_stays_in_state_for_as_long_as_a_row_may_still_belong_to_it(plan: ViewPlan) -> None:
    # Beside a value since ever the widest tile of the windows' own state is a day; a row may be a day late, and the job
    # may lie still for a day.
    longest = timedelta(days=1) + timedelta(days=1) + timedelta(days=1)
    options = view_configuration(plan, CHECKPOINTING, tuned())
    assert options["table.exec.state.ttl"] == f"{longest // timedelta(milliseconds=1)} ms"


def test_state_knows_a_row_for_as_long_as_a_copy_of_it_may_be_accepted(plan: ViewPlan) -> None:
    # A day early at most, and four days late; the job may lie still for a day.
    longest = timedelta(days=1) + timedelta(days=4) + timedelta(days=1)
    short = replace(plan.source, same_in=("order_id", "ordered_at"), allowed_lateness_us=4 * DAY_US)
    tiles = tuple(replace(group, levels_us=group.levels_us[:1]) for group in plan.groups)
    options = view_configuration(replace(plan, source=short, groups=tiles), CHECKPOINTING, tuned())
    assert options["table.exec.state.ttl"] == f"{longest // timedelta(milliseconds=1)} ms"


def test_state_is_saved_exactly_once_and_kept_when_a_job_ends(plan: ViewPlan) -> None:
    for options in (view_configuration(plan, CHECKPOINTING, tuned()), archive_configuration(CHECKPOINTING)):
        saved = {name.removeprefix("execution.checkpointing."): value for name, value in options.items()}
        assert (saved["mode"], saved["interval"]) == ("EXACTLY_ONCE", "3 s")
        assert saved["externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
        assert (saved["dir"], saved["savepoint-dir"]) == ("file:///checkpoints", "file:///savepoints")


def test_what_the_settings_say_wins(plan: ViewPlan) -> None:
    options = view_configuration(plan, CHECKPOINTING, tuned(), {"execution.checkpointing.interval": "9 s"})
    assert options["execution.checkpointing.interval"] == "9 s"
