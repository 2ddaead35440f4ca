"""Flink of the local stack: a session cluster in a home of our own, one job manager and some task managers."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import PreflightError
from headrace.runtime.stack.java import COMMON, QUICK_START, class_path, compilers, heap, jars_in, temporary
from headrace.runtime.stack.plan import FLINK, Memory, StackPlan
from headrace.runtime.stack.ports import LOOPBACK, PortChooser
from headrace.runtime.stack.process import ProcessSpec
from headrace.runtime.stack.record import write_whole
from headrace.runtime.stack.service import Service

JOB_MANAGER = "job-manager"
#: Parts of a task manager's memory in MiB that are not heap: classes of planner and connectors, Flink's own buffers,
#: shuffle buffers enough for the exchanges of one statement set per slot, and what the JVM itself needs.
METASPACE, FRAMEWORK_OFF_HEAP, TASK_OFF_HEAP, NETWORK, JVM_OVERHEAD = 256, 64, 32, 128, 128
#: Flink's own share of the heap, its default.
FRAMEWORK_HEAP = 128
#: Below this much heap for tasks, Iceberg's readers alone run out of it.
LEAST_TASK_HEAP = 128

LOG4J = """\
monitorInterval = 30
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.name = out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} %x - %m%n
logger.hadoopnative.name = org.apache.hadoop.util.NativeCodeLoader
logger.hadoopnative.level = OFF
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
"""


@dataclass(frozen=True)
class FlinkHome:
    """The folder that Flink takes for its installation."""

    folder: Path

    @property
    def conf(self) -> Path:
        """Where `config.yaml` is."""
        return self.folder / "conf"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Flink's processes and scripts find this home."""
        names = {"FLINK_HOME": "", "FLINK_CONF_DIR": "conf", "FLINK_LIB_DIR": "lib", "FLINK_OPT_DIR": "opt"}
        found = {name: str(self.folder / part) for name, part in names.items()}
        return {**found, "FLINK_PLUGINS_DIR": str(self.folder / "plugins")}


def flink_service(plan: StackPlan, ports: PortChooser) -> Service:
    """The session cluster, its home laid out afresh: JARs and options of now, state and savepoints as they were.

    Raises:
        PreflightError: a configured port is taken, PyFlink or JARs are missing, or a task manager would have no heap.
    """
    rest, rpc = plan.port("flink_rest", ports), plan.port("flink_rpc", ports)
    home = lay_out_home(plan)
    write_configuration_of(home, plan, rest, rpc)
    specs = [_job_manager(plan, home, rest), *(_task_manager(plan, home, n) for n in range(1, plan.task_managers + 1))]
    return Service(FLINK, tuple(specs), {"flink": {"rest_address": f"{LOOPBACK}:{rest}"}})


def lay_out_home(plan: StackPlan) -> FlinkHome:
    """Links to the wheel's JARs and ours, and real copies where Flink's scripts do not follow links.

    Raises:
        PreflightError: PyFlink or our JARs are missing.
    """
    if not (plan.pyflink / "lib").is_dir():
        msg = f"no Flink in {plan.pyflink}; run `make setup`, or install apache-flink"
        raise PreflightError(msg)
    home = FlinkHome(plan.folder / "flink" / "home")
    shutil.rmtree(home.folder, ignore_errors=True)
    _link_jars(home.folder / "lib", plan)
    (home.folder / "plugins").symlink_to(plan.pyflink / "plugins", target_is_directory=True)
    # `flink run -py` looks for the Python JAR without following links, and finds its home from where its script is.
    for name in ("opt", "bin"):
        shutil.copytree(plan.pyflink / name, home.folder / name)
    return home


def write_configuration_of(home: FlinkHome, plan: StackPlan, rest: int, rpc: int) -> None:
    """Write `conf/`: options as one flat map, which Flink's YAML reader takes as well as a nested one."""
    options = {**cluster_options(plan, rest, rpc), **plan.flink}
    files = {
        "config.yaml": "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items()),
        "log4j.properties": LOG4J,
        "log4j-cli.properties": LOG4J,
        "masters": f"{LOOPBACK}:{rest}\n",
        "workers": f"{LOOPBACK}\n" * plan.task_managers,
    }
    for name, text in files.items():
        write_whole(home.conf / name, text)


def cluster_options(plan: StackPlan, rest: int, rpc: int) -> dict[str, str]:
    """The cluster's options, in Flink's names."""
    data = plan.folder / "flink"
    addresses = {
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": str(rpc),
        "jobmanager.bind-host": LOOPBACK,
        "taskmanager.host": LOOPBACK,
        "taskmanager.bind-host": LOOPBACK,
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": str(rest),
        "rest.bind-port": str(rest),
    }
    state = {
        # Incremental: a checkpoint costs what changed. On the heap it costs all state each time, measured as a third
        # of the task managers' work with 900,000 tiles and 3 s between checkpoints.
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.dir": f"file://{data}/checkpoints",
        "execution.checkpointing.savepoint-dir": f"file://{data}/savepoints",
    }
    return {**addresses, **state, **_behaviour(plan), "env.java.opts.all": _java_options(plan.pyflink)}


def _behaviour(plan: StackPlan) -> dict[str, str]:
    return {
        "taskmanager.numberOfTaskSlots": str(plan.slots),
        "taskmanager.load-balance.mode": "SLOTS",
        # A killed task manager is noticed in seconds, not in the default of fifty.
        "heartbeat.interval": "1000",
        "heartbeat.timeout": "6000",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "10 s",
        "restart-strategy.exponential-delay.jitter-factor": "0",
        "web.submit.enable": "true",
        # Who asks what became of a job hears of the last half second, not of the default's last three.
        "web.refresh-interval": "500 ms",
        # PyFlink's own threads outlive a job by design; the check would take them for a leak.
        "classloader.check-leaked-classloader": "false",
        "python.executable": str(plan.python),
        "python.client.executable": str(plan.python),
    }


@dataclass(frozen=True)
class TaskManagerMemory:
    """How a task manager's process is divided, in MiB.

    >>> TaskManagerMemory.of(1800, 128)
    TaskManagerMemory(task_heap=936, managed=128)
    """

    task_heap: int
    managed: int

    @classmethod
    def of(cls, process: int, managed: int) -> TaskManagerMemory:
        """What is left for tasks after everything else has its part.

        Raises:
            PreflightError: too little is left.
        """
        rest = METASPACE + FRAMEWORK_OFF_HEAP + TASK_OFF_HEAP + NETWORK + JVM_OVERHEAD + FRAMEWORK_HEAP + managed
        if process - rest < LEAST_TASK_HEAP:
            msg = (
                f"stack.memory.task_manager_process: {process} MiB leave {process - rest} MiB of heap for tasks, "
                f"expected at least {LEAST_TASK_HEAP}; set it to {rest + LEAST_TASK_HEAP} or more"
            )
            raise PreflightError(msg)
        return cls(process - rest, managed)

    def options(self) -> dict[str, str]:
        """The options that Flink's start script would compute."""
        return {
            "taskmanager.cpu.cores": "1.0",
            "taskmanager.memory.framework.heap.size": f"{FRAMEWORK_HEAP}m",
            "taskmanager.memory.framework.off-heap.size": f"{FRAMEWORK_OFF_HEAP}m",
            "taskmanager.memory.task.heap.size": f"{self.task_heap}m",
            "taskmanager.memory.task.off-heap.size": f"{TASK_OFF_HEAP}m",
            "taskmanager.memory.network.min": f"{NETWORK}m",
            "taskmanager.memory.network.max": f"{NETWORK}m",
            "taskmanager.memory.managed.size": f"{self.managed}m",
            "taskmanager.memory.jvm-metaspace.size": f"{METASPACE}m",
            "taskmanager.memory.jvm-overhead.min": f"{JVM_OVERHEAD}m",
            "taskmanager.memory.jvm-overhead.max": f"{JVM_OVERHEAD}m",
        }

    def java_arguments(self) -> tuple[str, ...]:
        """The same division as the JVM is told it."""
        return (
            *heap(FRAMEWORK_HEAP + self.task_heap, min(256, FRAMEWORK_HEAP + self.task_heap)),
            f"-XX:MaxDirectMemorySize={FRAMEWORK_OFF_HEAP + TASK_OFF_HEAP + NETWORK}m",
            f"-XX:MaxMetaspaceSize={METASPACE}m",
        )


def _job_manager(plan: StackPlan, home: FlinkHome, rest: int) -> ProcessSpec:
    initial = min(128, plan.memory.job_manager_heap)
    arguments = (
        *_java(plan, home, JOB_MANAGER, (*heap(plan.memory.job_manager_heap, initial), *QUICK_START)),
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
        *_program_arguments(plan, home, JOB_MANAGER, {}),
    )
    return _spec(plan, home, JOB_MANAGER, arguments, rest)


def _task_manager(plan: StackPlan, home: FlinkHome, number: int) -> ProcessSpec:
    name = f"task-manager-{number}"
    memory, compiled = _task_manager_memory(plan.memory), compilers(short_lived=plan.short_lived)
    arguments = (
        *_java(plan, home, name, (*memory.java_arguments(), "-XX:+UseParallelGC", *compiled)),
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        # Flink's word for this process is ours: what it says of a job's places names processes of the stack.
        *_program_arguments(plan, home, name, {**memory.options(), "taskmanager.resource-id": name}),
    )
    return _spec(plan, home, name, arguments, None)


def _task_manager_memory(memory: Memory) -> TaskManagerMemory:
    return TaskManagerMemory.of(memory.task_manager_process, memory.task_manager_managed)


def _spec(plan: StackPlan, home: FlinkHome, name: str, arguments: tuple[str, ...], port: int | None) -> ProcessSpec:
    return ProcessSpec(name, arguments, plan.log_of(name), plan.scratch_of(name), home.environment, port)


def _program_arguments(plan: StackPlan, home: FlinkHome, name: str, options: Mapping[str, str]) -> list[str]:
    dynamic = {**options, "io.tmp.dirs": str(plan.scratch_of(name))}
    return [
        "--configDir",
        str(home.conf),
        *(part for key, value in dynamic.items() for part in ("-D", f"{key}={value}")),
    ]


def _java(plan: StackPlan, home: FlinkHome, name: str, memory: tuple[str, ...]) -> tuple[str, ...]:
    return (
        str(plan.java),
        *memory,
        *shlex.split(_java_options(plan.pyflink)),
        *COMMON,
        *temporary(plan.scratch_of(name)),
        # The log tab of Flink's own page reads the file that our output goes to.
        f"-Dlog.file={plan.log_of(name)}",
        f"-Dlog4j.configurationFile=file:{home.conf / 'log4j.properties'}",
        "-cp",
        class_path(jars_in(home.folder / "lib")),
    )


def _java_options(pyflink: Path) -> str:
    """The packages that Flink opens for Java 17, as the wheel's own configuration lists them."""
    options: Any = yaml.safe_load((pyflink / "conf" / "config.yaml").read_text(encoding="utf-8"))
    return str(options["env"]["java"]["opts"]["all"])


def _link_jars(lib: Path, plan: StackPlan) -> None:
    lib.mkdir(parents=True)
    # Without the Python JAR on the cluster's class path, Python operators fail with ClassNotFound.
    python = sorted((plan.pyflink / "opt").glob("flink-python-*.jar"))
    for jar in [*jars_in(plan.jars / FLINK), *jars_in(plan.pyflink / "lib"), *python]:
        (lib / jar.name).unlink(missing_ok=True)
        (lib / jar.name).symlink_to(jar)
