"""``headrace k8s render``: which job is meant, and where its manifests go."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from headrace.errors import NotFoundError, SettingsError
from headrace.jobs.k8s import app, job_file
from headrace.runtime.job_spec import JobSpec

SPEC = JobSpec("flights-1", "{}", (), {}, 1)
STORAGE = ["--storage", "s3://lake/flink"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    found = tmp_path / ".headrace"
    SPEC.save(found / "runs" / "flights-1" / "job.json")
    return found


def kinds(text: str) -> set[str]:
    return {manifest["kind"] for manifest in yaml.safe_load_all(text)}


def test_a_run_is_rendered_to_standard_output(home: Path) -> None:
    result = CliRunner().invoke(app, ["render", "flights-1", *STORAGE], catch_exceptions=False)
    assert result.exit_code == 0
    assert {"FlinkDeployment", "ConfigMap", "Role", "NetworkPolicy"} <= kinds(result.stdout)
    assert "image: headrace:0.1.0" in result.stdout


def test_a_file_is_rendered_to_a_file(home: Path, tmp_path: Path) -> None:
    job = tmp_path / "elsewhere.json"
    SPEC.save(job)
    options = [
        "--image",
        "r.example.com/headrace:7",
        "--namespace",
        "risk",
        "--identity",
        "a.b/c=d=e",
        "-o",
        "out.yaml",
    ]
    result = CliRunner().invoke(app, ["render", str(job), *STORAGE, *options], catch_exceptions=False)
    assert result.exit_code == 0
    text = Path("out.yaml").read_text()
    assert "FlinkDeployment" in kinds(text)
    assert "image: r.example.com/headrace:7" in text
    assert "a.b/c: d=e" in text
    assert "kubectl apply --server-side -f out.yaml" in result.stderr


def test_an_unknown_run_is_refused_with_a_suggestion(home: Path) -> None:
    with pytest.raises(NotFoundError, match=r"'flights-2' is neither a file nor a run .*did you mean 'flights-1'"):
        job_file("flights-2", home)


def test_a_run_is_never_looked_up_outside_the_runs(home: Path) -> None:
    SPEC.save(home / "job.json")
    with pytest.raises(NotFoundError):
        job_file("..", home)


def test_an_identity_without_a_value_is_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match="--identity: expected KEY=VALUE"):
        CliRunner().invoke(app, ["render", "flights-1", *STORAGE, "--identity", "key"], catch_exceptions=False)


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(app, ["render", "--help"])
    assert "headrace k8s render flights-1 --storage s3://lake/flink" in " ".join(result.stdout.split())


MODEL = """
from headrace import TrainingPipeline
from headrace.training.continual import Retraining
from headrace.training.data import Encoding, Label, Raw
from headrace.training.learning import ModelSpec

class LateTrips(TrainingPipeline):
    "Late."
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding({"speed": Raw()}, Label("late"))
    model = ModelSpec("logistic")
    retraining = Retraining(every="1d")
"""


CLAIMED = ["--claim", "headrace-home", "--image", "r.example.com/headrace:7"]


def test_schedules_are_a_cron_job_with_the_file_and_the_settings(home: Path) -> None:
    Path("late_trips.py").write_text(MODEL)
    Path("headrace.yaml").write_text("project: trips\n")
    options = ["--claim", "headrace-home", "--look", "15m", "--image", "r.example.com/headrace:7"]
    result = CliRunner().invoke(app, ["schedule", "late_trips.py", *options], catch_exceptions=False)
    assert result.exit_code == 0
    account, files, job = yaml.safe_load_all(result.stdout)
    assert account["kind"] == "ServiceAccount"
    assert files["data"] == {"late_trips.py": MODEL, "headrace.yaml": "project: trips\n"}
    assert (job["metadata"]["name"], job["spec"]["schedule"]) == ("schedule-late-trips", "*/15 * * * *")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][1:] == ["schedule", "run", "late_trips.py", "--by", "schedule"]


OWN = {
    "own_net.py": "import own_layers\n\nclass Net:\n    ...\n",
    "own_layers.py": "WIDTH = 8\n",
    "own_rates.py": "RATE = 0.1\n",
    "own_other.py": "",
}


def test_modules_beside_the_file_that_it_imports_or_names_travel_with_it(home: Path) -> None:
    for name, text in OWN.items():
        Path(name).write_text(text)
    Path("late_trips.py").write_text("import own_rates\n" + MODEL.replace('"logistic"', '"own_net:Net"'))
    result = CliRunner().invoke(app, ["schedule", "late_trips.py", *CLAIMED], catch_exceptions=False)
    _, files, _ = yaml.safe_load_all(result.stdout)
    assert files["data"].keys() == {"late_trips.py", "own_net.py", "own_layers.py", "own_rates.py"}
    assert files["data"]["own_layers.py"] == OWN["own_layers.py"]


def test_modules_of_an_own_package_do_not_travel_and_are_named(home: Path) -> None:
    Path("own_shapes").mkdir()
    for name in ("__init__", "sizes"):
        Path("own_shapes", f"{name}.py").write_text("")
    Path("late_trips.py").write_text(f"import own_shapes.sizes\n{MODEL}")
    with pytest.raises(SettingsError, match=r"late_trips\.py: imports own_shapes, own_shapes\.sizes of a package"):
        CliRunner().invoke(app, ["schedule", "late_trips.py", *CLAIMED], catch_exceptions=False)


def test_help_of_schedules_has_an_example() -> None:
    result = CliRunner().invoke(app, ["schedule", "--help"])
    assert "headrace k8s schedule late_trips.py --claim headrace-home" in " ".join(result.stdout.split())
