"""`ArchivePipeline`: copies a topic into its history table, so that history is a prefix of the log."""

from __future__ import annotations

from headrace.compiler.flink_sql import FlinkJob, archive_job
from headrace.compiler.plan import SourcePlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import archive_fields
from headrace.errors import DefinitionError
from headrace.pipelines.configuration import Checkpointing, archive_configuration
from headrace.pipelines.cutover import check_log_reaches
from headrace.pipelines.legs import log_ranges, table_name_of, topic_of
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform

# The archive's readers want few, large files: one writer makes half as many as two, and a log is copied fast enough.
PARALLELISM = 1


class ArchivePipeline:
    """Archives one source. Subclass it and override a step to change what is created or how the job is configured.

    The archive filters nothing: an unparsable record is a row with its bytes and the reason. Each row keeps topic,
    partition and offset, and the job commits exactly once, so a snapshot is a contiguous prefix of each partition.

    Args:
        source: the source, as planned.
        platform: where its topic and its table are.
        checkpoint_interval: how often rows become visible in the table, as a Flink duration.
    """

    def __init__(self, source: SourcePlan, platform: Platform, *, checkpoint_interval: str = "10 s") -> None:
        if source.live is None or source.history is None or source.history.kind != "iceberg":
            msg = f"source {source.name}: an archive needs `live = KafkaTopic(...)` and `history = IcebergTable(...)`"
            raise DefinitionError(msg)
        self.source = source
        self.platform = platform
        self.checkpoint_interval = checkpoint_interval

    @property
    def name(self) -> str:
        """The job's name, one a project and source; its consumer group too."""
        return f"{self.platform.settings.project}-archive-{topic_of(self.source)}"

    def prepare(self) -> JobSpec:
        """Check and create what the job needs, and compile it.

        Raises:
            NotFoundError: the topic does not exist.
            SchemaMismatchError: the table exists with other columns.
            CutoverError: the log has lost records that the table does not have yet.
        """
        table = self.create_table()
        job = self.build_job(self.start_offsets(table))
        settings = self.platform.settings.flink
        checkpointing = Checkpointing(settings.checkpoint_dir, settings.savepoint_dir, self.checkpoint_interval)
        configuration = {**archive_configuration(checkpointing), **settings.configuration}
        options = {**configuration, "parallelism.default": str(PARALLELISM)}
        plan = self.platform.session.compile(job.statements, job.inserts, options)
        return JobSpec(self.name, plan, job.statements, configuration, PARALLELISM)

    def create_table(self) -> IcebergTable:
        """The history table, created unless it is there."""
        namespace, table = table_name_of(self.source)
        return self.platform.iceberg.create_table(namespace, table, archive_fields(self.source.columns))

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


def live_options(platform: Platform, source: SourcePlan, group: str, start_offsets: dict[int, int]) -> dict[str, str]:
    """The `WITH` options of a source's topic, read from exact offsets."""
    options = platform.kafka.flink_options(topic_of(source)) | {
        "group.id": group,
        "start.offsets": ";".join(f"{partition}:{offset}" for partition, offset in sorted(start_offsets.items())),
    }
    required = [column.name for column in source.columns if not column.optional]
    optional = {"json.required": ";".join(required), "json.zone": source.zone, "json.time-unit": source.unit}
    return options | {key: value for key, value in optional.items() if value}
