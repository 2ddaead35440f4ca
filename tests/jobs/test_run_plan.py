"""The entry point of the image, in Flink's real application mode: the same class and arguments as in the manifests.

Kubernetes is not needed for that: the standalone application cluster runs the same bootstrap on this machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyflink
import pytest
import requests
import yaml

from headrace.jobs.run_plan import main
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.flink_deployment import ENTRY_CLASS, ENTRY_MODULE
from headrace.runtime.session import FlinkSession
from headrace.runtime.stack.ports import PortChooser

JARS = Path(__file__).resolve().parents[2] / ".build" / "jars" / "flink"
WHEEL = Path(pyflink.__file__).parent
# Two JVMs, a Python client and a plan on two busy cores; it takes half a minute when they are idle.
PATIENCE_S = 180.0
ROWS = 1000


def compiled(folder: Path) -> JobSpec:
    """A bounded job that counts to `ROWS` and writes what it counted."""
    tables = [
        f"""CREATE TABLE counted (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '{ROWS}',
            'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{ROWS}')""",
        f"""CREATE TABLE written (id BIGINT)
            WITH ('connector' = 'filesystem', 'path' = '{folder / "out"}', 'format' = 'json')""",
    ]
    plan = FlinkSession(JARS, folder / "client-log").compile(tables, ["INSERT INTO written SELECT id FROM counted"], {})
    return JobSpec("application-1", plan, (), {}, 1)


def flink_home(folder: Path, rest_port: int, rpc_port: int) -> Path:
    """A home such as the image has: Flink's JARs and ours in lib, the Python JAR in opt."""
    for name in ("lib", "opt", "conf", "log"):
        (folder / name).mkdir(parents=True)
    for jar in [*(WHEEL / "lib").glob("*.jar"), *(WHEEL / "opt").glob("flink-python-*.jar"), *JARS.glob("*.jar")]:
        (folder / "lib" / jar.name).symlink_to(jar)
    for jar in (WHEEL / "opt").glob("flink-python-*.jar"):
        # Flink looks for it without following links.
        (folder / "opt" / jar.name).write_bytes(jar.read_bytes())
    for name in ("bin", "plugins"):
        (folder / name).symlink_to(WHEEL / name, target_is_directory=True)
    (folder / "conf" / "log4j-console.properties").write_bytes((WHEEL / "conf/log4j-console.properties").read_bytes())
    options = {
        "env.java.opts.all": yaml.safe_load((WHEEL / "conf/config.yaml").read_text())["env"]["java"]["opts"]["all"],
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": rpc_port,
        "rest.address": "127.0.0.1",
        "rest.port": rest_port,
        "jobmanager.memory.process.size": "1024m",
        "taskmanager.memory.process.size": "1200m",
        "taskmanager.memory.managed.size": "64m",
        "execution.checkpointing.interval": "2 s",
        "execution.shutdown-on-application-finish": False,
        "web.submit.enable": False,
    }
    (folder / "conf" / "config.yaml").write_text("".join(f"{key}: {json.dumps(v)}\n" for key, v in options.items()))
    return folder


@contextmanager
def running(home: Path, name: str, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """One of Flink's scripts in the foreground, with all that it starts; its log is in the home."""
    log = home / "log" / f"{name}.out"
    environment = {**os.environ, "FLINK_HOME": str(home), "FLINK_CONF_DIR": str(home / "conf"), "PYTHONSAFEPATH": "1"}
    environment |= {"FLINK_LIB_DIR": str(home / "lib"), "FLINK_OPT_DIR": str(home / "opt")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(home / "bin" / command[0]), *command[1:]],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def job_states(rest_port: int) -> dict[str, str]:
    """Name and state of the application's jobs; none while the job manager does not answer."""
    with suppress(requests.RequestException, KeyError):
        jobs = requests.get(f"http://127.0.0.1:{rest_port}/jobs/overview", timeout=2).json()["jobs"]
        return {job["name"]: job["state"] for job in jobs}
    return {}


def final_states(rest_port: int, job_manager: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """The states in which the application's jobs end."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and job_manager.poll() is None:
        states = job_states(rest_port)
        if states and set(states.values()) <= {"FINISHED", "FAILED", "CANCELED"}:
            return states
        time.sleep(0.5)
    pytest.fail(f"no job ended; the job manager's log ends:\n{log.read_text()[-4000:]}")


@pytest.mark.stack
@pytest.mark.slow
def test_a_plan_runs_in_application_mode(tmp_path: Path) -> None:
    compiled(tmp_path).save(tmp_path / "job.json")
    ports = PortChooser({})
    rest_port, rpc_port = ports.choose("rest"), ports.choose("rpc")
    home = flink_home(tmp_path / "home", rest_port, rpc_port)
    arguments = ["-pyclientexec", sys.executable, "-pym", ENTRY_MODULE, "--spec", str(tmp_path / "job.json")]
    job_manager = ["standalone-job.sh", "start-foreground", "--job-classname", ENTRY_CLASS, *arguments]
    with (
        running(home, "job-manager", job_manager) as process,
        running(home, "task-manager", ["taskmanager.sh", "start-foreground"]),
    ):
        assert final_states(rest_port, process, home / "log/job-manager.out") == {"application-1": "FINISHED"}
        refused = requests.post(f"http://127.0.0.1:{rest_port}/jars/upload", timeout=5)
    assert refused.status_code == requests.codes.not_found
    written = [
        json.loads(line)["id"] for file in (tmp_path / "out").glob("*") for line in file.read_text().splitlines()
    ]
    assert sorted(written) == list(range(1, ROWS + 1))


def test_a_job_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--spec" in capsys.readouterr().err
