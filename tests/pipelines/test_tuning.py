"""What the knobs come to, without a job: the table, the bound that a freshness is, and whose word counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.errors import JobError, SettingsError
from headrace.features.duration import parse_duration
from headrace.features.knobs import LEAST_FRESHNESS_US, LONGEST_FRESHNESS_US, OPTIMIZE, Knobs
from headrace.features.load import load_views
from headrace.pipelines.configuration import STATE_TTL, state_ttl_us, view_configuration
from headrace.pipelines.explain import knob_steps
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.retuning import recorded_knobs, retuned
from headrace.pipelines.tuning import (
    FUNCTION_BUNDLE,
    MINI_BATCH_LATENCY,
    Chosen,
    ChosenKnobs,
    flags_of,
    knobs_for,
    tuned,
)
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.settings import load_settings

from .orders import FEATURES

MS = 1_000
# optimize, freshness; mini-batch, buffer, checkpoints and the bound in ms; days that a job may lie still.
TABLE = [
    ("cost", "1s", 332, 166, 10_000, 998, 1),
    ("cost", "3500ms", 2_000, 1_000, 10_000, 3_500, 1),
    ("cost", "1m", 39_666, 19_833, 60_000, 59_999, 1),
    ("cost", "1h", 60_000, 30_000, 300_000, 90_500, 1),
    ("cost", "1d", 60_000, 30_000, 300_000, 90_500, 1),
    ("latency", "1s", 100, 50, 10_000, 650, 1),
    ("latency", "1d", 100, 50, 10_000, 650, 1),
    ("correctness", "1s", 332, 166, 10_000, 998, 7),
    ("correctness", "3500ms", 2_000, 1_000, 10_000, 3_500, 7),
    ("correctness", "1d", 60_000, 30_000, 30_000, 30_500, 7),
]


@pytest.mark.parametrize(("optimize", "freshness", "batch", "flush", "checkpoint", "bound", "days"), TABLE)
def test_what_the_knobs_come_to(
    optimize: str, freshness: str, batch: int, flush: int, checkpoint: int, bound: int, days: int
) -> None:
    found = tuned(optimize, parse_duration(freshness))
    waits = [found.mini_batch_us, found.flush_us, found.checkpoint_us, found.bound_us]
    # The parts of a budget are whole ms, so a ms of it may be left.
    assert [us // MS for us in waits] == pytest.approx([batch, flush, checkpoint, bound], abs=1)
    assert found.lag_us == days * parse_duration("1d")


FRESHNESS = st.integers(LEAST_FRESHNESS_US, LONGEST_FRESHNESS_US)


@given(st.sampled_from(OPTIMIZE), FRESHNESS)
def test_an_event_never_waits_longer_than_the_freshness(optimize: str, freshness_us: int) -> None:
    found = tuned(optimize, freshness_us)
    assert found.bound_us <= freshness_us
    assert found.mini_batch_us >= 100 * MS, "less than this Flink spends on timers"
    assert found.flush_us >= 50 * MS


@given(st.sampled_from(OPTIMIZE), FRESHNESS, st.integers(0, 3))
def test_functions_wait_within_the_freshness(optimize: str, freshness_us: int, stages: int) -> None:
    found = tuned(optimize, freshness_us, stages * 100 * MS)
    assert found.functions_us < found.bound_us <= freshness_us
    assert tuned(optimize, freshness_us).flush_us >= found.flush_us >= 50 * MS


@given(FRESHNESS, FRESHNESS)
def test_a_longer_freshness_is_never_dearer(one: int, other: int) -> None:
    short, long = (tuned("cost", freshness_us) for freshness_us in sorted((one, other)))
    assert (short.mini_batch_us, short.flush_us) <= (long.mini_batch_us, long.flush_us)
    assert short.checkpoint_us <= long.checkpoint_us


@given(FRESHNESS)
def test_the_corners_are_what_they_are_named_after(freshness_us: int) -> None:
    cost, latency, correctness = (tuned(word, freshness_us) for word in OPTIMIZE)
    assert latency.bound_us <= min(cost.bound_us, correctness.bound_us)
    assert cost.mini_batch_us >= max(latency.mini_batch_us, correctness.mini_batch_us)
    assert correctness.lag_us > max(cost.lag_us, latency.lag_us)


def planned(folder: Path, knobs: str = "") -> ViewPlan:
    """The plan of the orders' view with some options."""
    text = FEATURES.replace("{namespace}", "raw").replace("{topic}", "orders").replace("{windows}", '"1h", "1d"')
    file = folder / "features.py"
    file.write_text(text.replace("    owner =", f"{knobs}    owner =", 1))
    return plan_view(load_views(file).views["shop_orders"])


def test_knobs_make_no_new_version_and_no_new_tables(tmp_path: Path) -> None:
    plain, turned = planned(tmp_path), planned(tmp_path, '    optimize = "latency"\n    freshness = "1s"\n')
    assert plain.knobs != turned.knobs
    assert (plain.version, plain.groups) == (turned.version, turned.groups)
    assert ViewPlan.from_json(turned.to_json()) == turned


def test_state_of_a_correct_job_outlives_a_week(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    week, day = parse_duration("7d"), parse_duration("1d")
    assert state_ttl_us(plan, tuned("correctness")) - state_ttl_us(plan, tuned("cost")) == week - day


def test_a_flag_beats_the_environment_beats_a_file_beats_the_definition_beats_the_default(tmp_path: Path) -> None:
    none: dict[str, str] = {}
    variable = {"HEADRACE__FLINK__FRESHNESS": "8s"}
    flag = {"flink": {"freshness": "9s"}}

    def freshness(plan: ViewPlan, environment: dict[str, str], flags: dict[str, dict[str, str]]) -> Chosen:
        return knobs_for(plan, load_settings(flags=flags, environment=environment, folder=tmp_path)).freshness

    assert freshness(planned(tmp_path), none, {}) == Chosen("3500ms", "default")
    named = planned(tmp_path, '    freshness = "6s"\n')
    assert freshness(named, none, {}) == Chosen("6s", named.where)
    (tmp_path / "headrace.yaml").write_text("flink:\n  freshness: 7s\n")
    assert freshness(named, none, {}).value == "7s"
    assert freshness(named, variable, {}) == Chosen("8s", "environment HEADRACE__FLINK__FRESHNESS")
    assert freshness(named, variable, flag) == Chosen("9s", "flag")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimize: costs", r"flink\.optimize: .*optimize = 'costs'; did you mean 'cost'\?"),
        ("freshness: 10ms", r"flink\.freshness: .*takes most of a second; write '1s'"),
        ("freshnes: 1m", r"unknown setting 'flink\.freshnes'; did you mean 'freshness'\?"),
    ],
)
def test_a_wrong_setting_is_refused_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "headrace.yaml").write_text(f"flink:\n  {text}\n")
    with pytest.raises(SettingsError, match=rf"headrace\.yaml.*: {message}"):
        load_settings(environment={}, folder=tmp_path)


def test_a_freshness_that_an_option_of_flink_contradicts_is_refused(tmp_path: Path) -> None:
    options = {"flink": {"configuration": {MINI_BATCH_LATENCY: "4 s"}}}
    settings = load_settings(flags=options, environment={}, folder=tmp_path)
    unasked = knobs_for(planned(tmp_path), settings)
    assert unasked.freshness.origin == "default", "nobody asked, so the option holds"
    assert unasked.tuning.bound_us == 5_500 * MS, "and is told"
    assert knobs_for(planned(tmp_path, '    freshness = "10s"\n'), settings)
    with pytest.raises(
        SettingsError, match=r"freshness 4s \(.*:\d+\) cannot be met: flink\.configuration sets .* '4 s'"
    ):
        knobs_for(planned(tmp_path, '    freshness = "4s"\n'), settings)


def nested(stages: int, folder: Path, freshness: str) -> ViewPlan:
    """A view that calls a function of a function, so many deep."""
    calls = "same(" * stages + "event.number" + ")" * stages
    file = folder / "nested.py"
    file.write_text(
        f"""
from datetime import datetime
from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation, udf

class Events(Source):
    history = IcebergTable("raw.events")
    key: str
    number: int
    ts: datetime = event_time()

@udf(returns=int)
def same(number):
    return number

@transformation
def total(event: Events, wspec: WindowSpec):
    return event.groupby("key")[{calls}].window(wspec).sum()

class Nested(FeaturePipeline):
    owner = "a@b.c"
    freshness = "{freshness}"
    features = [total.over("1h")]
"""
    )
    return plan_view(load_views(file).views["nested"])


def test_each_stage_of_functions_takes_its_wait_of_the_freshness(tmp_path: Path) -> None:
    found = knobs_for(nested(3, tmp_path, "3500ms"), load_settings(environment={}, folder=tmp_path)).tuning
    assert (found.functions_us, found.bound_us) == (300 * MS, 3_500 * MS)
    assert (found.mini_batch_us, found.flush_us) == (1_800 * MS, 900 * MS)


def test_a_freshness_that_functions_contradict_is_refused(tmp_path: Path) -> None:
    settings = load_settings(environment={}, folder=tmp_path)
    assert knobs_for(nested(3, tmp_path, "1s"), settings).tuning.bound_us <= 1_000 * MS
    with pytest.raises(SettingsError, match=r"freshness 1s .* functions in 4 stages .* 1050 ms; nest fewer"):
        knobs_for(nested(4, tmp_path, "1s"), settings)
    slow = {"flink": {"configuration": {FUNCTION_BUNDLE: "5000"}}}
    with pytest.raises(SettingsError, match=rf"freshness 1s .* sets {FUNCTION_BUNDLE} to '5000'.* 5650 ms; leave one"):
        knobs_for(nested(1, tmp_path, "1s"), load_settings(flags=slow, environment={}, folder=tmp_path))


def test_the_wait_for_functions_is_explained_where_there_are_some(tmp_path: Path) -> None:
    def bundles(plan: ViewPlan, **options: str) -> list[tuple[str, str]]:
        flags = {"flink": {"configuration": options}}
        steps = knob_steps(plan, load_settings(flags=flags, environment={}, folder=tmp_path))
        return [(one.what, one.where) for one in steps if one.step == FUNCTION_BUNDLE]

    assert bundles(planned(tmp_path)) == []
    assert bundles(nested(1, tmp_path, "1m")) == [("100", "no knob")]
    assert bundles(nested(1, tmp_path, "1m"), **{FUNCTION_BUNDLE: "50"}) == [("50", "flink.configuration")]


def job_of(plan: ViewPlan, chosen: ChosenKnobs) -> JobSpec:
    """The job of a view under some knobs, but for its operators."""
    kept = Checkpointing("file:///a", "file:///b", flink_text(chosen.tuning.checkpoint_us))
    configuration = view_configuration(plan, kept, chosen.tuning, chosen.options)
    return JobSpec("run-1", '{"nodes": []}', (), configuration, 1, chosen.recorded)


@pytest.mark.parametrize("optimize", OPTIMIZE)
def test_a_knob_that_is_not_turned_stays_as_the_run_has_it(tmp_path: Path, optimize: str) -> None:
    plan, other = planned(tmp_path), "cost" if optimize == "latency" else "latency"
    flag = load_settings(flags={"flink": {"optimize": optimize}}, environment={}, folder=tmp_path)
    job = job_of(plan, knobs_for(plan, flag))
    now = load_settings(environment={"HEADRACE__FLINK__OPTIMIZE": other}, folder=tmp_path)
    found = retuned(job, plan, knobs_for(plan, now, {**job.knobs, **flags_of(Knobs(None, parse_duration("1m")))}))
    wanted = tuned(optimize, parse_duration("1m"))
    assert found.configuration[MINI_BATCH_LATENCY] == flink_text(wanted.mini_batch_us)
    assert found.knobs == {"optimize": (optimize, "flag"), "freshness": ("1m", "flag")}
    assert JobSpec.from_json(found.to_json()) == found
    assert recorded_knobs(found, plan).text.startswith(f"optimize {optimize}, freshness 1m: an event is seen within")
    assert recorded_knobs(found, plan).tuning.bound_us == wanted.bound_us


def test_knobs_are_turned_where_an_option_says_how_long_state_lives(tmp_path: Path) -> None:
    plan, options = planned(tmp_path), {"flink": {"configuration": {STATE_TTL: "10 d"}}}
    settings = load_settings(flags=options, environment={}, folder=tmp_path)
    job = job_of(plan, knobs_for(plan, settings))
    turned = {**job.knobs, **flags_of(Knobs("latency"))}
    assert retuned(job, plan, knobs_for(plan, settings, turned)).configuration[STATE_TTL] == "10 d"
    shorter = load_settings(environment={}, folder=tmp_path)
    with pytest.raises(JobError, match="240 h and would have to live for 72 h"):
        retuned(job, plan, knobs_for(plan, shorter, turned))
