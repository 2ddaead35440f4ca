"""How commands tell where a run begins to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.jobs.output import progress

if TYPE_CHECKING:
    from headrace.runtime.cutover import Cutover


def tell_boundary(cutover: Cutover) -> None:
    """Say what is read of history, and from which offset of each partition on, for each source; and of dimensions."""
    for part in cutover.parts:
        _tell(part)
    for pin in cutover.dimensions:
        progress(str(pin))


def _tell(cutover: Cutover) -> None:
    if cutover.snapshot_id is not None:
        progress(f"history: {cutover.archived_rows:,} rows of {cutover.table}, snapshot {cutover.snapshot_id}")
    if cutover.origin is not None:
        progress(f"copied from {cutover.origin}")
    for cut in cutover.partitions if cutover.topic is not None else ():
        progress(f"live: {cutover.topic}, partition {cut.partition} from offset {cut.start_offset}")
