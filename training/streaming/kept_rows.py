"""Where the rows of a streamed model are kept: the table that it followed, or the archive of its topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.errors import CutoverError, ModelError, SettingsError
from headrace.runtime import legs
from headrace.training.data.filters import Condition
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.models.made_again import ARCHIVE
from headrace.training.streaming.topic_rows import TOPIC_ID

#: The column of an archive that names the topic of a row.
SRC_TOPIC = "_src_topic"


def kept_rows(
    catalog: IcebergCatalog, training: Mapping[str, Any], snapshots: Mapping[str, int], archive: str = ""
) -> PinnedRows:
    """The rows of a source, as Iceberg keeps them: those that were learned among others.

    Args:
        training: how the model was learned (`candidates.py`).
        snapshots: the snapshot of its table, where it was bounded; else the newest has its rows.
        archive: the table that archives its topic; default: the one that its source declared.

    Raises:
        ModelError: it learned from a topic for which no archive is known.
        SettingsError: an archive is named, and it learned from a table.
        CutoverError: the archive is that of another topic of this name.
        NotFoundError: the table or its snapshot is gone.
        UnknownColumnError: the table is no archive.
    """
    run, source = training["run"], training["source"]
    if training["topic"]:
        table = _archive_of(catalog, training, archive)
        return PinnedRows(Snapshot.of(table), (Condition(SRC_TOPIC, "==", source),))
    if archive:
        msg = f"run {run}: learned from table {source}, whose own rows are read again; leave out the archive {archive}"
        raise SettingsError(msg)
    return PinnedRows(Snapshot.of(catalog.named(source), snapshots.get(source)))


def _archive_of(catalog: IcebergCatalog, training: Mapping[str, Any], archive: str) -> IcebergTable:
    """The archive of the topic, whose records a broker drops."""
    name, run, topic = archive or training.get(ARCHIVE), training["run"], training["source"]
    if not name:
        msg = f"run {run}: learned from topic {topic}, whose records are not read again, as a broker drops them, and "
        raise ModelError(msg + "its source declares no archive in Iceberg; name the table that has them: --archive")
    table = catalog.named(name)
    learned, copied = training.get(TOPIC_ID), table.properties.get(legs.TOPIC_ID)
    if learned and copied and learned != copied:
        msg = f"run {run}: learned from topic {topic} with id {learned}, and archive {name} copied the one with id "
        raise CutoverError(msg + f"{copied}: the topic was made anew in between; name the first one's: --archive")
    return table
