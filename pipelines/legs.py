"""The two legs of a source: names and facts that archive, backfill and ledger share."""

from __future__ import annotations

from headrace.compiler.plan import SourcePlan
from headrace.errors import DefinitionError
from headrace.pipelines.cutover import LogRange
from headrace.runtime.platform import Platform


def topic_of(source: SourcePlan) -> str:
    """The source's topic.

    Raises:
        DefinitionError: the source has no live leg.
    """
    if source.live is None:
        msg = f"source {source.name}: has no live leg; set `live = KafkaTopic(...)`"
        raise DefinitionError(msg)
    return source.live.name


def table_name_of(source: SourcePlan) -> tuple[str, str]:
    """Namespace and name of the source's history table.

    Raises:
        DefinitionError: the source has no Iceberg table, or its name is not `namespace.table`.
    """
    if source.history is None or source.history.kind != "iceberg":
        msg = f"source {source.name}: has no Iceberg history; set `history = IcebergTable('raw.name')`"
        raise DefinitionError(msg)
    namespace, dot, table = source.history.name.rpartition(".")
    if not dot or not namespace or not table:
        msg = f"source {source.name}: history table {source.history.name!r}; expected 'namespace.table'"
        raise DefinitionError(msg)
    return namespace, table


def log_ranges(platform: Platform, topic: str) -> dict[int, LogRange]:
    """What every partition of a topic holds now.

    Raises:
        NotFoundError: the topic does not exist.
    """
    with platform.kafka.admin() as admin:
        starts, ends = admin.start_offsets(topic), admin.end_offsets(topic)
    return {partition: LogRange(starts[partition], ends[partition]) for partition in starts}
