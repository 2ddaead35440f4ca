"""Flink's REST interface: what runs, how far it is, and how to stop it with a savepoint."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self

import requests

from headrace.errors import JobError
from headrace.runtime.session import Cluster

# One request to a healthy JobManager answers in milliseconds; ten seconds tell a dead one from a busy machine.
REQUEST_TIMEOUT_S = 10.0
# How often a savepoint's progress is asked for: often enough not to be felt, seldom enough not to load a small machine.
SAVEPOINT_POLL_S = 0.25
# A savepoint of a job under backpressure waits for the barriers; ten minutes is Flink's own checkpoint timeout.
SAVEPOINT_TIMEOUT_S = 600.0

# What Flink calls the checkpoint behind which it ends a job.
STOPPING = "SYNC_SAVEPOINT"
# What is left when a job cannot be stopped.
GOES_ON = "; the job goes on"
CAUSED_BY = "Caused by: "
# With which a cause ends that Python raised: Beam puts the traceback behind it, and Java's frames behind that.
TRACEBACK, FRAME = "Traceback (most recent call last):", "at "
# The package of our own Java classes.
OWN = "io.headrace."
#: Flink has taken the job, and has not read the state from which it starts: it does not tell from which.
STARTING = "INITIALIZING"
TERMINAL_STATES = frozenset({"FINISHED", "CANCELED", "FAILED"})


@dataclass(frozen=True)
class JobStatus:
    """One job as the cluster sees it. Durations in ms, times in ms since the epoch (processing time)."""

    job_id: str
    name: str
    state: str
    started_ms: int
    duration_ms: int

    @property
    def is_starting(self) -> bool:
        """Whether the job has not read its state yet; until then `started_from` is refused."""
        return self.state == STARTING

    @property
    def is_over(self) -> bool:
        """Whether the job has reached a state that it will not leave."""
        return self.state in TERMINAL_STATES


@dataclass(frozen=True)
class Checkpoints:
    """What a job's checkpoints came to: counts, and id (0: none) and path of the newest completed one."""

    completed: int
    failed: int
    in_progress: int
    restored: int
    newest_id: int
    newest_path: str | None


@dataclass(frozen=True)
class VertexProgress:
    """Rows that one vertex of the job graph read and wrote since its last (re)start."""

    name: str
    state: str
    rows_in: int
    rows_out: int


@dataclass(frozen=True)
class Attempt:
    """How the newest attempt of a subtask gets on; attempt 0 is the first, and each restart of the job makes one more.

    Attributes:
        rows_in: rows read since the attempt began; of a source, those that it took from outside.
    """

    vertex: str
    number: int
    state: str
    rows_in: int


@dataclass(frozen=True)
class FlinkRest:
    """A thin client of one JobManager.

    Raises, from every method:
        JobError: the JobManager cannot be reached or refuses; the address and its answer are named.
    """

    base_url: str

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """The client of a cluster."""
        return cls(f"http://{cluster.host}:{cluster.port}")

    def jobs(self) -> list[JobStatus]:
        """All jobs that the cluster remembers, newest first."""
        found = [_job_status(job) for job in self._get("/jobs/overview")["jobs"]]
        return sorted(found, key=lambda job: job.started_ms, reverse=True)

    def job(self, job_id: str) -> JobStatus:
        """One job."""
        return _job_status(self._get(f"/jobs/{job_id}"))

    def root_exception(self, job_id: str) -> str | None:
        """The first lines of what made the job fail last, if anything did."""
        entries = self._get(f"/jobs/{job_id}/exceptions?maxExceptions=1")["exceptionHistory"]["entries"]
        return None if not entries else _innermost_cause(entries[0]["stacktrace"])

    def checkpoints(self, job_id: str) -> Checkpoints:
        """The job's checkpoints so far."""
        answer = self._get(f"/jobs/{job_id}/checkpoints")
        counts, newest = answer["counts"], (answer.get("latest") or {}).get("completed") or {}
        return Checkpoints(
            completed=counts["completed"],
            failed=counts["failed"],
            in_progress=counts["in_progress"],
            restored=counts["restored"],
            newest_id=newest.get("id", 0),
            newest_path=newest.get("external_path"),
        )

    def stopping_savepoint(self, job_id: str) -> str | None:
        """The path of the savepoint with which the job was stopped, if it was."""
        newest = (self._get(f"/jobs/{job_id}/checkpoints").get("latest") or {}).get("savepoint") or {}
        return newest.get("external_path") if newest.get("checkpoint_type") == STOPPING else None

    def started_from(self, job_id: str) -> str | None:
        """The savepoint or checkpoint from which the job last took its state, if it did."""
        restored = (self._get(f"/jobs/{job_id}/checkpoints").get("latest") or {}).get("restored") or {}
        return restored.get("external_path")

    def progress(self, job_id: str) -> list[VertexProgress]:
        """Rows in and out of every vertex."""
        return [_vertex_progress(vertex) for vertex in self._get(f"/jobs/{job_id}")["vertices"]]

    def places(self, job_id: str) -> list[str]:
        """The task managers, by resource id, on which subtasks of the job run."""
        running = (subtask for _, subtask in self._subtasks(job_id) if subtask["status"] == "RUNNING")
        return sorted({subtask["taskmanager-id"] for subtask in running})

    def attempts(self, job_id: str) -> list[Attempt]:
        """The newest attempt of every subtask, those of sources first."""
        return [
            Attempt(vertex, subtask["attempt"], subtask["status"], subtask["metrics"]["read-records"])
            for vertex, subtask in self._subtasks(job_id)
        ]

    def stop_with_savepoint(self, job_id: str, folder: str, *, drain: bool = False) -> str:
        """Stop the job after a savepoint; returns the savepoint's path.

        Raises:
            JobError: the savepoint failed or took longer than `SAVEPOINT_TIMEOUT_S`; the job goes on.
        """
        body = {"targetDirectory": folder, "drain": drain, "formatType": "CANONICAL"}
        trigger = self._post(f"/jobs/{job_id}/stop", body)["request-id"]
        operation = self._completed(job_id, "savepoint", trigger)
        return str(_checked(job_id, "savepoint", operation, "location", GOES_ON))

    def checkpoint(self, job_id: str) -> int:
        """Have the job take a checkpoint now, between those of its interval; returns its id once it is completed.

        Raises:
            JobError: the checkpoint failed (that of a job that is over does), or took more than `SAVEPOINT_TIMEOUT_S`.
        """
        trigger = self._post(f"/jobs/{job_id}/checkpoints", {"checkpointType": "CONFIGURED"})["request-id"]
        operation = self._completed(job_id, "checkpoint", trigger)
        return int(_checked(job_id, "checkpoint", operation, "checkpointId"))

    def cancel(self, job_id: str) -> None:
        """End the job without a savepoint."""
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel", None)

    def _subtasks(self, job_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The name of its vertex and what Flink says, of every subtask; vertices come in the order of the data."""
        for vertex in self._get(f"/jobs/{job_id}")["vertices"]:
            for subtask in self._get(f"/jobs/{job_id}/vertices/{vertex['id']}")["subtasks"]:
                yield vertex["name"], subtask

    def _completed(self, job_id: str, what: str, trigger: str) -> Mapping[str, Any]:
        """What became of a savepoint or checkpoint that was asked for, once it is over."""
        deadline = time.monotonic() + SAVEPOINT_TIMEOUT_S
        while time.monotonic() < deadline:
            answer = self._get(f"/jobs/{job_id}/{what}s/{trigger}")
            if answer["status"]["id"] == "COMPLETED":
                found: Mapping[str, Any] = answer["operation"]
                return found
            time.sleep(SAVEPOINT_POLL_S)
        msg = f"job {job_id}: no {what} within {SAVEPOINT_TIMEOUT_S:.0f} s{GOES_ON}"
        raise JobError(msg)

    def _get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            response = requests.request(method, self.base_url + path, json=body, timeout=REQUEST_TIMEOUT_S)
        except requests.RequestException as error:
            msg = f"no answer from Flink at {self.base_url} ({type(error).__name__}); see `headrace stack status`"
            raise JobError(msg) from error
        if not response.ok:
            msg = f"Flink at {self.base_url} refused {method} {path}: {_innermost_cause(response.text)}"
            raise JobError(msg)
        return response.json()


def _job_status(job: Mapping[str, Any]) -> JobStatus:
    return JobStatus(
        job_id=job["jid"],
        name=job["name"],
        state=job["state"],
        started_ms=job["start-time"],
        duration_ms=job["duration"],
    )


def _vertex_progress(vertex: Mapping[str, Any]) -> VertexProgress:
    metrics = vertex["metrics"]
    return VertexProgress(
        name=vertex["name"],
        state=vertex["status"],
        rows_in=metrics["read-records"],
        rows_out=metrics["write-records"],
    )


def _checked(job_id: str, what: str, operation: Mapping[str, Any], result: str, then: str = "") -> Any:
    """The result of a savepoint or checkpoint that did not fail. Flink spells the cause of a failure in two ways.

    >>> _checked("a1", "savepoint", {"failure-cause": "A: x"}, "location", GOES_ON)
    Traceback (most recent call last):
    headrace.errors.JobError: job a1: the savepoint failed: A: x; the job goes on
    """
    if operation.get(result) is not None:
        return operation[result]
    cause = operation.get("failure-cause") or operation.get("failureCause")
    msg = f"job {job_id}: the {what} failed: {_innermost_cause(str(cause))}{then}"
    raise JobError(msg)


def _innermost_cause(stacktrace: str) -> str:
    """What really went wrong: the last `Caused by` of a Java stack trace; the last of ours, which says what to do.

    >>> _innermost_cause("A: x\\n\\tat f\\nCaused by: B: y\\n\\tat g")
    'B: y'
    >>> _innermost_cause("A: x\\nCaused by: io.headrace.flink.kafka.C: y\\nCaused by: B: z")
    'io.headrace.flink.kafka.C: y'
    >>> _innermost_cause('A\\nCaused by: B: y: Traceback (most recent call last):\\n  File "l.py"\\nE: z\\n\\n\\tat g')
    'E: z'
    """
    lines = [line.strip() for line in stacktrace.replace("\\n", "\n").splitlines()]
    causes = [line.removeprefix(CAUSED_BY) for line in lines[1:] if line.startswith(CAUSED_BY)]
    chain = [*lines[:1], *causes]
    ours = [cause for cause in chain if cause.startswith(OWN)]
    found = (ours or chain or [""])[-1]
    return _raised_in_python(stacktrace) or found if found.endswith(TRACEBACK) else found


def _raised_in_python(stacktrace: str) -> str:
    """What the last Python traceback in a Java stack trace ends with, its message's lines as one."""
    lines = stacktrace.replace("\\n", "\n").rpartition(TRACEBACK)[2].splitlines()
    lines = list(takewhile(lambda line: not line.lstrip().startswith((FRAME, CAUSED_BY)), lines))
    indented = [number for number, line in enumerate(lines) if line.startswith(" ")]
    return " ".join(line for line in lines[indented[-1] + 1 if indented else 0 :] if line)
