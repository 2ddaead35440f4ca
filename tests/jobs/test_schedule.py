"""`headrace schedule`: what is due and why, done once or for a while, and the line of a crontab."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import SettingsError
from headrace.jobs.learn import pipeline_in
from headrace.registry.schedules import ScheduleRegistry
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.continual.cron import STEPS, cron_times
from headrace.training.models.store import ModelStore
from headrace.training.streaming.runs import JOB_FILE, LearningRun
from headrace.training.streaming.tables import CANDIDATES, create_tables
from headrace.training.streaming.told import Candidate

from ..commands import Ended  # noqa: TID252 (commands are shared)
from ..commands import headrace as run  # noqa: TID252
from ..training.learning import stream  # noqa: TID252 (the same generated truth)

MODEL = """
from headrace import TrainingPipeline
from headrace.training.continual import Evaluating, Retraining
from headrace.training.data import Encoding, Label, Raw
from headrace.training.learning import ModelSpec
from headrace.training.models import StoredAnswer

class LateTrips(TrainingPipeline):
    "Late."
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding({"speed": Raw()}, Label("late", low=0, high=1))
    model = ModelSpec("logistic")
    retraining = Retraining(rows=100, start="newest")
    evaluating = Evaluating(promote=True)
    gates = [StoredAnswer()]

class Undeclared(LateTrips):
    "Without schedules."
    retraining = evaluating = None
"""
ONE = ["--name", "late_trips"]
#: A module with a network of the user's own, which needs a module from elsewhere.
NET = """
import elsewhere
from headrace.training.learning.networks import Logistic

class Net(Logistic):
    "Linear."
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with settings, a definition, and 300 rows."""
    return stream.desk(tmp_path, MODEL, [300])


def schedule(desk: Path, command: str, *options: str) -> Ended:
    return run("schedule", command, "model.py", *ONE, *options, folder=desk)


def store_of(desk: Path) -> ModelStore:
    return ModelStore.at(load_settings(folder=desk, environment={}))


def test_what_is_due_is_shown_with_its_reason_and_nothing_is_done(desk: Path) -> None:
    found = run("--format", "json", "schedule", "due", "model.py", *ONE, folder=desk)
    evaluate, retrain = json.loads(found.stdout)
    assert evaluate == {"task": "evaluate", "due": False, "why": "no version waits to be judged"}
    assert (retrain["task"], retrain["due"]) == ("retrain", True)
    assert "no version has learned from raw.trips yet" in retrain["why"]
    assert store_of(desk).models() == []


def test_a_step_trains_judges_promotes_and_says_so(desk: Path) -> None:
    ended = schedule(desk, "run", "--by", "cron")
    assert ended.returncode == 0, ended.stderr
    for said in ("retrain: due: no version", "300 rows visited", "gate 'artifact whole' passed", "is production"):
        assert said in ended.stderr
    assert store_of(desk).version("late_trips@champion").creator == "cron"
    assert "not due: nothing came to raw.trips since late_trips@1" in schedule(desk, "run").stderr


def test_a_while_ends_by_itself_and_is_several_steps(desk: Path) -> None:
    schedule(desk, "run")
    ended = schedule(desk, "run", "--for", "1s", "--look", "50ms")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("retrain: not due") > 1
    assert len(store_of(desk).versions("late_trips")) == 1


def test_a_failure_is_an_exit_status_and_again_tries_at_once(desk: Path) -> None:
    bad = stream.changed(stream.rows(100, 5), "late", 7.0)
    IcebergCatalog.sqlite("house", desk / "lake").named("raw.trips").append(pa.Table.from_batches([bad]))
    for options in ([], ["--again"]):
        ended = schedule(desk, "run", *options)
        assert ended.returncode == 1
        assert "retrain: failed: BadLabelError" in ended.stderr
    assert schedule(desk, "run").returncode == 0
    settings = load_settings(folder=desk, environment={})
    assert ScheduleRegistry.at(settings.registry_file, "trips").state("late_trips").failures == 1


def test_a_training_without_a_schedule_is_refused(desk: Path) -> None:
    ended = run("schedule", "run", "model.py", "--name", "undeclared", folder=desk)
    assert ended.returncode == 1
    assert "training undeclared declares no schedule; set `retraining = Retraining(...)`" in ended.stderr


def test_a_crontab_line_runs_as_it_stands(desk: Path) -> None:
    folder = desk / "it's 100%"
    folder.mkdir()
    (desk / "headrace.yaml").rename(folder / "headrace.yaml")
    (folder / "trips_net.py").write_text(NET)
    (folder / "model.py").write_text(MODEL.replace('"logistic"', '"trips_net:Net"'))
    modules = desk / "my modules"
    modules.mkdir()
    (modules / "elsewhere.py").write_text("")
    ended = run("schedule", "cron", "model.py", *ONE, "--look", "15m", folder=folder, PYTHONPATH=str(modules))
    *times, command = ended.stdout.strip().split(" ", 5)
    assert times == ["*/15", "*", "*", "*", "*"]
    assert "%" not in command.replace(r"\%", "")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(desk), "USER": "ann"}
    shell = ["/bin/sh", "-c", command.replace(r"\%", "%")]
    assert subprocess.run(shell, cwd="/", env=environment, check=False).returncode == 0
    (log,) = (desk / "home" / "logs").iterdir()
    assert "late_trips@1 is production" in log.read_text()
    assert shlex.split(command.replace(r"\%", "%"))[1] == str(folder)


LOGISTIC = Path(__file__).parents[1] / "training" / "streaming" / "logistic.py"
TRAINER = """
from headrace import IcebergTable, StreamingTrainingPipeline
from headrace.training.continual import Evaluating
from headrace.training.models import AtMost
from headrace.training.streaming.trainer import Policy

class Trips(StreamingTrainingPipeline):
    name = "late_trips"
    source = IcebergTable("raw.trips")
    learner = "logistic:make"
    arguments = {"inputs": ["speed"], "label": "late"}
    python_files = ["LOGISTIC"]
    evaluating = Evaluating(promote=True)
    gates = [AtMost("stream", "log_loss", 0.5)]
    policy = Policy(halts=False)

class Others(Trips):
    name = "others"

class Halting(Trips):
    name = "halting"
    policy = Policy()
""".replace("LOGISTIC", str(LOGISTIC))


def test_a_learner_beside_the_file_that_no_worker_would_have_is_refused_before_its_job_starts(desk: Path) -> None:
    (desk / "beside_learner.py").write_text(LOGISTIC.read_text())
    text = TRAINER.replace("logistic:make", "beside_learner:make").replace("python_files =", "PLACES =")
    (desk / "trainer.py").write_text(f"import beside_learner\n{text}")
    trainer = pipeline_in(desk / "trainer.py", "late_trips")
    imported = sys.modules["beside_learner"]
    with pytest.raises(SettingsError, match=r"beside_learner.*in a file that `python_files` names"):
        trainer(Platform(load_settings(folder=desk, environment={}))).prepare()
    assert sys.modules.pop("beside_learner") is imported


def left_candidates(desk: Path, *losses: float, of: str = "late_trips") -> str:
    """A run that has told of a candidate with each of these losses; what Flink committed of it."""
    platform = Platform(load_settings(folder=desk, environment={}))
    job = pipeline_in(desk / "trainer.py", of)(platform).prepare()
    job.save(platform.run_folder(job.run) / JOB_FILE)
    LearningRun(job.run, job.model, "0" * 32).save(platform.run_folder(job.run))
    told = create_tables(platform.iceberg)[CANDIDATES]
    for number, loss in enumerate(losses, 1):
        artifact = store_of(desk).artifacts.put({"model.json": json.dumps({"number": number}).encode()})
        rows, metrics = 500 * number, json.dumps({"log_loss": loss})
        candidate = Candidate(job.run, number, artifact, number, rows, rows, rows, "{}", metrics, told_us=number)
        told.append(pa.Table.from_pylist([asdict(candidate)], schema=told.table.schema().as_arrow()))
    return job.run


def test_candidates_of_a_run_are_judged_and_what_passes_serves(desk: Path) -> None:
    (desk / "trainer.py").write_text(TRAINER)
    name = left_candidates(desk, 0.4, 0.9)
    for judged in (2, 0):
        ended = run("schedule", "judge", name, "trainer.py", "--name", "late_trips", folder=desk)
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr.count("judge: due: candidate") == judged
    assert store_of(desk).version("late_trips@champion").facts.rows_seen == 500
    verdicts = [one.judgements[0].passed for one in store_of(desk).candidates("late_trips")]
    assert verdicts == [True, False]
    ended = run("schedule", "judge", name, "trainer.py", "--name", "others", folder=desk)
    assert ended.returncode == 1
    assert "expected a trainer of model 'late_trips' with `evaluating = Evaluating(...)`, found Others" in ended.stderr


@pytest.mark.parametrize(
    "command", [("learn", "register"), ("schedule", "judge", "trainer.py", "--name", "halting")], ids=lambda it: it[1]
)
def test_candidates_whose_micro_batches_are_not_committed_are_named(desk: Path, command: tuple[str, ...]) -> None:
    (desk / "trainer.py").write_text(TRAINER)
    name = left_candidates(desk, 0.4, 0.9, of="halting")
    ended = run(*command[:2], name, *command[2:], folder=desk)
    assert ended.returncode == 0, ended.stderr
    assert f"run {name}: candidates 1, 2 are left out: their micro-batches are not committed yet" in ended.stderr
    assert f"`headrace learn resume {name}` completes them" in ended.stderr


@pytest.mark.parametrize("look", ["7m", "90s", "5h", "2d", "0m"])
def test_what_cron_cannot_say_is_refused(look: str) -> None:
    with pytest.raises(SettingsError, match="cron looks at minutes that divide the hour or the day evenly"):
        cron_times(look)


def test_cron_looks_as_often_as_it_is_told_to() -> None:
    for minutes, times in STEPS.items():
        minute, hour, *rest = times.split()
        assert rest == ["*", "*", "*"]
        assert matching(minute, 60) * matching(hour, 24) == 24 * 60 // minutes


def matching(field: str, values: int) -> int:
    """How many of so many values a field of a crontab names."""
    if field.isdigit():
        return 1
    step = int(field.removeprefix("*/")) if "/" in field else 1
    return len(range(0, values, step))


@pytest.mark.parametrize("command", ["", "due", "run", "judge", "cron"])
def test_every_help_has_an_example(command: str, tmp_path: Path) -> None:
    assert "Example: headrace schedule" in run("schedule", *command.split(), "--help", folder=tmp_path).stdout


@pytest.mark.parametrize(
    "command",
    [
        ("schedule", "run", "model.py", "--for", "1h", "--look", "0s"),
        ("schedule", "run", "model.py", "--for", "0s"),
        ("schedule", "judge", "run-1", "model.py", "--follow", "--look", "0ms"),
        ("learn", "register", "run-1", "--follow", "--every", "0s"),
    ],
)
def test_who_looks_again_and_again_pauses(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run(*command, folder=tmp_path)
    assert ended.returncode == 1
    assert f"{command[-2]} {command[-1]!r}: expected more than nothing, such as 30s" in ended.stderr
