"""`ArchivePipeline`: copies a topic into its history table, so that history is a prefix of the log."""

from __future__ import annotations

from headrace.compiler.flink_sql import FlinkJob, archive_job
from headrace.compiler.plan import SourcePlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import archive_fields
from headrace.errors import DefinitionError, JobError
from headrace.pipelines.configuration import archive_configuration
from headrace.pipelines.intervals import ARCHIVE_INTERVAL
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.cutover import check_log_reaches
from headrace.runtime.flink_rest import FlinkRest, JobStatus
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.legs import (
    TOPIC_ID,
    check_archive_of,
    checked_topic,
    live_options,
    log_ranges,
    table_name_of,
    topic_of,
)
from headrace.runtime.platform import Platform

# The archive's readers want few, large files: one writer makes half as many as two, and a log is copied fast enough.
PARALLELISM = 1
#: What an archive notes in its table's properties: its job, and the address of the cluster that runs it.
ARCHIVE_JOB = "headrace.archive-job"


class ArchivePipeline:
    """Archives one source. Subclass it and override a step to change what is created or how the job is configured.

    The archive filters nothing: an unparsable record is a row with its bytes and the reason. Each row keeps topic,
    partition and offset, and the job commits exactly once, so a snapshot is a contiguous prefix of each partition.

    Args:
        source: the source, as planned.
        platform: where its topic and its table are.
        checkpoint_interval: how often rows become visible in the table, as a Flink duration.
        take_over: go on although the job that the table notes cannot be asked for, because its cluster is gone.
    """

    def __init__(
        self,
        source: SourcePlan,
        platform: Platform,
        *,
        checkpoint_interval: str = ARCHIVE_INTERVAL,
        take_over: bool = False,
    ) -> None:
        if source.live is None or source.history is None or source.history.kind != "iceberg":
            msg = f"source {source.name}: an archive needs `live = KafkaTopic(...)` and `history = IcebergTable(...)`"
            raise DefinitionError(msg)
        self.source = source
        self.platform = platform
        self.checkpoint_interval = checkpoint_interval
        self.take_over = take_over

    @property
    def name(self) -> str:
        """The job's name, one a project and source; its consumer group too."""
        return f"{self.platform.settings.project}-archive-{topic_of(self.source)}"

    def prepare(self) -> JobSpec:
        """Check and create what the job needs, and compile it.

        Raises:
            NotFoundError: the topic does not exist.
            UnsupportedError: the topic's times are those of its producers, and the source needs Kafka's own.
            SchemaMismatchError: the table exists with other columns.
            CutoverError: the log has lost records that the table does not have yet, or the table is another topic's.
            JobError: the topic is being archived already.
        """
        table = self.create_table()
        start = self.start_offsets(table)
        self.refuse_second(table)
        job = self.build_job(start)
        settings = self.platform.settings.flink
        checkpointing = Checkpointing(settings.checkpoint_dir, settings.savepoint_dir, self.checkpoint_interval)
        configuration = {**archive_configuration(checkpointing), **settings.configuration}
        options = {**configuration, "parallelism.default": str(PARALLELISM)}
        plan = self.platform.session.compile(job.statements, job.inserts, options)
        return JobSpec(self.name, plan, job.statements, configuration, PARALLELISM)

    def submit(self) -> str:
        """Prepare the job, start it on the cluster and note it in the table; returns Flink's job id.

        Raises what `prepare` does; JobError also when another process has submitted the same archive meanwhile.
        """
        job = self.platform.session.submit(self.prepare())
        first = min(self.running(), key=lambda one: (one.started_ms, one.job_id), default=None)
        if first is not None and first.job_id != job:
            self.platform.flink.cancel(job)
            raise JobError(self._second(f"job {first.job_id}"))
        namespace, name = table_name_of(self.source)
        cluster = self.platform.cluster
        noted = {ARCHIVE_JOB: f"{job}@{cluster.host}:{cluster.port}"}
        self.platform.iceberg.load(namespace, name).set_properties(noted)
        return job

    def running(self) -> list[JobStatus]:
        """The jobs of this archive's name that are not over; two would give the table each record twice."""
        return [job for job in self.platform.flink.jobs() if job.name == self.name and not job.is_over]

    def refuse_second(self, table: IcebergTable) -> None:
        """Refuse to archive a topic twice: by the cluster's jobs, and by the job that the table notes.

        A job of another cluster is asked for there: another project or home may share the table.
        """
        running = self.running()
        if running:
            raise JobError(self._second(f"job {running[0].job_id}"))
        job_id, _, address = table.properties.get(ARCHIVE_JOB, "").partition("@")
        if address and not self.take_over and _runs(table.name, job_id, address):
            raise JobError(self._second(f"job {job_id} of the cluster at {address}"))

    def create_table(self) -> IcebergTable:
        """The history table of this topic, created unless it is there; it notes the topic's id."""
        namespace, name = table_name_of(self.source)
        topic = checked_topic(self.platform, self.source)
        noted = {TOPIC_ID: topic.topic_id} if topic.topic_id else {}
        table = self.platform.iceberg.create_table(namespace, name, archive_fields(self.source.columns), noted)
        check_archive_of(table, topic)
        if noted.items() - table.properties.items():
            table.set_properties(noted)
        return table

    def start_offsets(self, table: IcebergTable) -> dict[int, int]:
        """Where to read on, in every partition: after the last archived record, else at the beginning of the log."""
        ranges = log_ranges(self.platform, topic_of(self.source))
        archived = {prefix.partition: prefix.next_offset for prefix in table.prefix()}
        check_log_reaches(topic_of(self.source), archived, ranges)
        return {partition: archived.get(partition, log.start) for partition, log in ranges.items()}

    def build_job(self, start_offsets: dict[int, int]) -> FlinkJob:
        """The job's SQL."""
        namespace, table = table_name_of(self.source)
        live = live_options(self.platform, self.source, self.name, start_offsets)
        return archive_job(self.source, live, self.platform.iceberg.flink_options(namespace, table))

    def _second(self, by: str) -> str:
        return (
            f"topic {topic_of(self.source)!r} is archived already, by {by}; a second job would repeat its offsets; "
            "end that one first, by Flink's web page"
        )


def _runs(table: str, job_id: str, address: str) -> bool:
    """Whether a cluster runs a job."""
    try:
        return any(job.job_id == job_id and not job.is_over for job in FlinkRest(f"http://{address}").jobs())
    except JobError as error:
        msg = (
            f"history {table} is written by job {job_id} of the Flink cluster at {address}, which does not answer; "
            "two archive jobs would repeat offsets; if that job is gone for good, run `headrace archive --take-over`"
        )
        raise JobError(msg) from error
