"""Where a job's processor time goes: threads of its processes by /proc, and what tasks do by Flink's samples."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from headrace.runtime.flink_rest import REQUEST_TIMEOUT_S, FlinkRest
from headrace.runtime.stack.process import ProcessIdentity

#: What makes Flink take stack samples when asked: 300 of every task, 20 ms apart.
FLINK_OPTIONS = {
    "rest.flamegraph.enabled": "true",
    "rest.flamegraph.num-samples": "300",
    "rest.flamegraph.delay-between-samples": "20 ms",
}
# The samples take 6 s; several times that is a broken answer.
SAMPLING_S = 30.0
POLL_S = 0.5
#: Kinds of threads, by how their names begin; the operating system keeps 15 characters of a name.
THREADS = {
    "Source Data Fet": "reading Parquet",
    "GC Thread": "garbage collection",
    "C1 Compiler": "compiling bytecode",
    "C2 Compiler": "compiling bytecode",
    "Source: ": "tasks",
    "LocalGroup": "tasks",
    "GlobalGroup": "tasks",
}
OTHER = "other"
#: What a task thread was doing: the first of these that matches any frame. Expiry works on state, and all else runs
#: inside the operators before it, so the order matters.
ACTIVITIES = {
    "expiring state (time to live)": re.compile(r"TtlIncrementalCleanup"),
    "reading and writing state": re.compile(r"runtime\.state\."),
    "handing rows from task to task": re.compile(r"RecordWriterOutput|io\.network|NonSpanningWrapper"),
    "folding rows in mini-batches": re.compile(r"MiniBatch(Local|Global)|MapBundleOperator|GroupAggsHandler"),
    "expressions": re.compile(r"StreamExecCalc|io\.headrace"),
}


@dataclass(frozen=True)
class Profile:
    """Shares of processor time by kind of thread, and of the task threads' samples by what they did."""

    threads: Mapping[str, float]
    samples: int
    activities: Mapping[str, float]


def sample(flink: FlinkRest, job: str, task_managers: Iterable[ProcessIdentity]) -> Profile | None:
    """Sample a running job for some six seconds; None when it ends meanwhile."""
    managers = list(task_managers)
    before = thread_cpu_s(managers)
    trees = _flame_graphs(flink, job)
    if flink.job(job).is_over:
        return None
    threads = {name: used - before.get(name, 0.0) for name, used in thread_cpu_s(managers).items()}
    doing = Counter[str]()
    for tree in trees:
        for path, count in leaves(tree):
            doing[activity(path)] += count
    return Profile(shares(threads), doing.total(), shares(doing))


def thread_cpu_s(identities: Iterable[ProcessIdentity]) -> Mapping[str, float]:
    """Processor seconds that the living threads of some processes have used, by kind of thread."""
    used: defaultdict[str, float] = defaultdict(float)
    for identity in identities:
        for thread in psutil.Process(identity.pid).threads():
            used[kind(_name(identity.pid, thread.id))] += thread.user_time + thread.system_time
    return used


def kind(thread: str) -> str:
    """The kind of a thread by its name.

    >>> kind("GC Thread#3"), kind("flink-metrics-1")
    ('garbage collection', 'other')
    """
    return next((found for begin, found in THREADS.items() if thread.startswith(begin)), OTHER)


def activity(path: Iterable[str]) -> str:
    """What a thread with these frames was doing.

    >>> activity(["StreamTask.run", "StreamExecCalc$1.processElement", "RecordWriterOutput.collect", "HashMap.get"])
    'handing rows from task to task'
    """
    frames = " ".join(path)
    return next((name for name, pattern in ACTIVITIES.items() if pattern.search(frames)), OTHER)


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """The stacks of a flame graph, each with the number of samples that ended in its last frame.

    >>> list(leaves({"name": "a", "value": 3, "children": [{"name": "b", "value": 2, "children": []}]}))
    [(('a',), 1), (('a', 'b'), 2)]
    """
    path = (*path, tree["name"])
    children = tree.get("children") or []
    own = tree["value"] - sum(child["value"] for child in children)
    if own > 0:
        yield path, own
    for child in children:
        yield from leaves(child, path)


def shares(counts: Mapping[str, float]) -> dict[str, float]:
    """Counts as shares of their sum, the greatest first.

    >>> shares({"a": 1, "b": 3})
    {'b': 0.75, 'a': 0.25}
    """
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return {name: count / total for name, count in ordered} if total else {}


def answer_of(flink: FlinkRest, path: str) -> Any:
    """What Flink's REST interface answers; what `requests` raises where it does not."""
    response = requests.get(flink.base_url + path, timeout=REQUEST_TIMEOUT_S)
    response.raise_for_status()
    return response.json()


def _flame_graphs(flink: FlinkRest, job: str) -> list[Mapping[str, Any]]:
    """The samples of all vertices, asked for at once, or of those that answered before the job ended."""
    vertices = [vertex["id"] for vertex in answer_of(flink, f"/jobs/{job}")["vertices"]]
    trees: dict[str, Mapping[str, Any]] = {}
    deadline = time.monotonic() + SAMPLING_S
    while len(trees) < len(vertices) and time.monotonic() < deadline and not flink.job(job).is_over:
        for vertex in vertices:
            found = answer_of(flink, f"/jobs/{job}/vertices/{vertex}/flamegraph?type=on_cpu").get("data")
            if found:
                trees[vertex] = found
        time.sleep(POLL_S)
    return list(trees.values())


def _name(pid: int, thread: int) -> str:
    """A thread's name; empty when it has just ended."""
    try:
        return Path(f"/proc/{pid}/task/{thread}/comm").read_text(encoding="utf-8").rstrip("\n")
    except OSError:
        return ""
