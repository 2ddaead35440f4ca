"""A PyFlink table environment: compiles statements to a plan and submits plans to a session cluster.

A job is submitted from its *compiled plan* (JSON), never from SQL, because only the compiled plan carries stable
operator ids: the same text resumes from a savepoint, whatever a later planner would make of the SQL.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from headrace.errors import JobError, told_in
from headrace.runtime.collector import collector_waiting
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.stack.java import QUICK_START
from headrace.runtime.stack.preflight import find_pyflink

T = TypeVar("T")

# A small heap and the first compiler tier start a client that only plans seconds sooner. `run` has a whole job in this
# JVM, which must fit beside the planner; JVM_ARGS in the environment replaces all of these.
CLIENT_JVM_ARGS = " ".join(("-Xmx768m", *QUICK_START))

# There is one client JVM in a process, and one call at a time to its planner.
_PLANNER = RLock()

# Settings that the meaning of a job rests on; no knob changes them.
FIXED_CONFIGURATION: Mapping[str, str] = {
    "execution.runtime-mode": "STREAMING",
    "table.exec.iceberg.infer-source-parallelism": "false",
    "table.plan.compile.catalog-objects": "ALL",
    "table.plan.restore.catalog-objects": "ALL",
    "pipeline.object-reuse": "true",
}

# Users' functions run in a Python that has headrace. This one has, here and, in one image, there; a cluster of other
# machines is told its own by `flink.configuration`.
THIS_PYTHON: Mapping[str, str] = {"python.executable": sys.executable, "python.client.executable": sys.executable}

# A job in this process calls functions in processes of their own, as a cluster does: PyFlink's worker within this one
# would take the handlers of its log, its working directory and its environment, and not give them all back.
FUNCTION_WORKERS: Mapping[str, str] = {"_python_worker_execution_mode": "process"}

# A cluster of the client's own JVM, for one job.
IN_PROCESS: Mapping[str, str] = {"execution.target": "local"}


@dataclass(frozen=True)
class Cluster:
    """A Flink session cluster, by the address of its REST endpoint.

    >>> Cluster("127.0.0.1", 8081).configuration["rest.port"]
    '8081'
    """

    host: str
    port: int

    @property
    def configuration(self) -> dict[str, str]:
        """The Flink options that send a job to this cluster."""
        return {"execution.target": "remote", "rest.address": self.host, "rest.port": str(self.port)}


@dataclass(frozen=True)
class Application:
    """The cluster in which this process already runs: Flink's application mode, where the target is preset."""

    @property
    def configuration(self) -> dict[str, str]:
        """Nothing to add."""
        return {}


@dataclass
class FlinkSession:
    """One table environment; starts a client JVM on first use and keeps it for the life of the process.

    Args:
        jars: folder of the JARs that Flink needs beside PyFlink's own.
        log_dir: where the client JVM writes its log.
        cluster: where jobs run; without it, statements can only be compiled and explained.
        configuration: Flink options on top of `FIXED_CONFIGURATION` and `THIS_PYTHON`.
    """

    jars: Path
    log_dir: Path
    cluster: Cluster | Application | None = None
    configuration: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start the client JVM and its planner now; otherwise the first use waits some seconds for them."""

        def begin(_: Any) -> None:
            self._environment(self._configuration)

        self.alone("the start of Flink's client", begin)

    def explain(
        self, statements: Sequence[str], inserts: Sequence[str], configuration: Mapping[str, str] | None = None
    ) -> str:
        """The optimized plan as text.

        Raises:
            JobError: the planner refuses a statement; the statement is quoted.
        """
        return self._planned(
            statements,
            configuration or {},
            "EXPLAIN of the statement set",
            lambda environment: str(_statement_set(environment, inserts).explain()),
        )

    def compile(self, statements: Sequence[str], inserts: Sequence[str], configuration: Mapping[str, str]) -> str:
        """The compiled plan (JSON) of all inserts as one job.

        Raises:
            JobError: the planner refuses a statement; the statement is quoted.
        """
        return self._planned(
            statements,
            configuration,
            "COMPILE PLAN of the statement set",
            lambda environment: str(_statement_set(environment, inserts).compile_plan().as_json_string()),
        )

    def submit(self, spec: JobSpec, savepoint: str | None = None) -> str:
        """Start a job and return Flink's id of it.

        Args:
            spec: the job, as `compile` and its caller made it.
            savepoint: where its state starts; None starts empty.

        Raises:
            JobError: there is no cluster, or it refuses the job.
        """
        return self._planned(
            spec.declarations,
            self._submitting(spec.name, spec.flink_options, savepoint),
            f"submission of job {spec.name!r}",
            lambda environment: str(_load_plan(environment, spec.plan).execute().get_job_client().get_job_id()),
        )

    def launch(
        self, name: str, configuration: Mapping[str, str], build: Callable[[Any], None], savepoint: str | None = None
    ) -> str:
        """Start a job of streams, which has no compiled plan, and return Flink's id of it.

        Args:
            name: the job's name.
            configuration: Flink options of this job.
            build: adds the job to PyFlink's environment of streams; its operators have ids of their own, or the job
                does not resume.
            savepoint: where its state starts; None starts empty.

        Raises:
            JobError: there is no cluster, or it refuses the job; or `build` raised it.
        """
        options = self._submitting(name, {**self._configuration, **configuration}, savepoint)

        def work(jvm: Any) -> str:
            from pyflink.datastream import StreamExecutionEnvironment

            # PyFlink's own way to one would start a cluster in this process, whatever the target is.
            java = jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
            environment = StreamExecutionEnvironment(java(_options(options)._j_configuration))
            build(environment)
            return str(environment.execute_async(name).get_job_id())

        return self.alone(f"submission of job {name!r}", work)

    def run(self, statements: Sequence[str], inserts: Sequence[str], configuration: Mapping[str, str]) -> None:
        """Run a bounded job to its end, on a cluster inside this process that ends with it.

        The job is made from its compiled plan, as a submitted one is. When the wait is interrupted, as by Ctrl-C, the
        job is cancelled: nothing of it goes on, or writes, afterwards.

        Raises:
            JobError: the planner refuses a statement, or the job fails, the cause being quoted; or the JVM has died.
        """

        def work(environment: Any) -> str:
            _finish(_statement_set(environment, inserts).compile_plan().execute())
            return ""

        self._planned(statements, {**configuration, **IN_PROCESS}, "the job in this process", work)

    def alone(self, what: str, work: Callable[[Any], T]) -> T:
        """What some work gives that calls the client's JVM (py4j's view of it), while no other thread of ours does.

        Raises:
            JobError: a call failed, or the JVM has died, which is told of `what`; or `work` raised it.
        """

        def attempt() -> T | JobError:
            from py4j.protocol import Py4JError
            from pyflink.java_gateway import get_gateway

            _prepare_client_jvm(self.jars, self.log_dir)
            try:
                with _planner_errors(what):
                    return work(get_gateway().jvm)
            except JobError as error:
                # Its causes and frames hold Java objects, which are let go of here.
                return JobError(str(error))
            except Py4JError:
                if _client_answers():
                    raise
                return JobError(f"{what}: Flink's JVM in this process is gone; see {self.log_dir}, and start anew")

        with _planner_alone():
            found = attempt()
        if isinstance(found, JobError):
            raise found
        return found

    def _planned(
        self, statements: Sequence[str], configuration: Mapping[str, str], what: str, work: Callable[[Any], str]
    ) -> str:
        """What some work with a prepared environment gives; nothing of the environment outlives the call."""

        def plan(_: Any) -> str:
            environment = self._environment({**self._configuration, **configuration})
            for statement in statements:
                with _planner_errors(statement):
                    environment.execute_sql(statement)
            return work(environment)

        return self.alone(what, plan)

    def _submitting(self, name: str, configuration: Mapping[str, str], savepoint: str | None) -> dict[str, str]:
        """The options with which a job is sent to the cluster; JobError when there is none."""
        if self.cluster is None:
            msg = "cannot submit a job: this session has no cluster; set flink.rest_address or run `headrace stack up`"
            raise JobError(msg)
        options = {**configuration, **self.cluster.configuration, "pipeline.name": name}
        return options if savepoint is None else {**options, "execution.state-recovery.path": savepoint}

    @property
    def _configuration(self) -> dict[str, str]:
        return {**THIS_PYTHON, **FIXED_CONFIGURATION, **self.configuration}

    def _environment(self, configuration: Mapping[str, str]) -> Any:
        from pyflink.table import EnvironmentSettings, TableEnvironment

        settings = EnvironmentSettings.new_instance().with_configuration(_options(configuration))
        return TableEnvironment.create(settings.build())


def _options(configuration: Mapping[str, str]) -> Any:
    """Flink options as its own configuration."""
    from pyflink.common import Configuration

    options = Configuration()
    for key, value in configuration.items():
        options.set_string(key, value)
    return options


def _statement_set(environment: Any, inserts: Sequence[str]) -> Any:
    statement_set = environment.create_statement_set()
    for insert in inserts:
        with _planner_errors(insert):
            statement_set.add_insert_sql(insert)
    return statement_set


def _finish(submitted: Any) -> None:
    """Wait for a job to end; cancel it, and see that it is over, when the wait is given up."""
    from py4j.protocol import Py4JError

    try:
        submitted.wait()
    except Py4JError:
        raise
    except BaseException:
        # Either call fails when the job has just ended by itself.
        job = submitted.get_job_client()
        with suppress(Py4JError):
            job.cancel().result()
        with suppress(Py4JError):
            job.get_job_execution_result().result()
        raise


def _client_answers() -> bool:
    """Whether the client JVM is alive; of one that dies meanwhile py4j says only that a call failed."""
    from py4j.protocol import Py4JError
    from pyflink.java_gateway import get_gateway

    try:
        get_gateway().jvm.java.lang.System.nanoTime()
    except Py4JError:
        return False
    return True


def _load_plan(environment: Any, plan: str) -> Any:
    from pyflink.table import CompiledPlan, PlanReference

    # `load_plan` hands its result the Java environment where it needs the Python one, so `execute` would fail.
    loaded = environment.load_plan(PlanReference.from_json_string(plan))
    return CompiledPlan(loaded._j_compiled_plan, environment)


def _prepare_client_jvm(jars: Path, log_dir: Path) -> None:
    """PyFlink appends HADOOP_CLASSPATH to its client's class path: the one door that needs no Flink home of our own."""
    log_dir.mkdir(parents=True, exist_ok=True)
    os.environ["HADOOP_CLASSPATH"] = str(jars / "*")
    os.environ["FLINK_LOG_DIR"] = str(log_dir)
    os.environ.setdefault("JVM_ARGS", CLIENT_JVM_ARGS)
    # PyFlink's own choice for clients would print Hadoop's log among what a command prints.
    os.environ.setdefault("LOG4J_PROPERTIES", str(find_pyflink() / "conf" / "log4j.properties"))
    os.environ.update(FUNCTION_WORKERS)


@contextmanager
def _planner_alone() -> Iterator[None]:
    """No other thread of ours calls the JVM meanwhile, so that all calls of one plan run in one Java thread.

    The gateway hands a call to any Java thread that is free, and the planner keeps what it works with in the one that
    made the environment (FLINK-23020). Letting go of a Java object is a call too: so the objects of a plan end within
    it, and the garbage collector, which may run in any thread, waits.
    """
    with _PLANNER, collector_waiting():
        yield


@contextmanager
def _planner_errors(what: str) -> Iterator[None]:
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        msg = f"Flink refused: {_root_cause(error.java_exception)}\nin: {what}"
        raise JobError(msg) from error
    except Exception as error:
        if not type(error).__module__.startswith("pyflink"):
            raise
        msg = f"Flink refused: {error}\nin: {what}"
        raise JobError(msg) from error


def _root_cause(throwable: Any) -> str:
    while throwable.getCause() is not None:
        throwable = throwable.getCause()
    said = str(throwable.toString())
    return told_in(said) or said
