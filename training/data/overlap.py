"""Rows that train and are evaluated on too: metrics on them, and whoever stops by such metrics, prove nothing."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.errors import DatasetError
from headrace.training.data.rows import PinnedRows


def check_apart(training: PinnedRows, others: Mapping[str, PinnedRows]) -> None:
    """DatasetError, with how many there are, for rows that train and are in another split, by its name, too.

    Rows are the same at the same position of one snapshot; splits of other snapshots are not compared. Reads the
    columns of the filters only.
    """
    for name, rows in others.items():
        if _identity(rows) != _identity(training):
            continue
        shared = training.where(*rows.filters).count()
        if shared.kept:
            msg = (
                f"{training.snapshot}: {shared.kept:,} rows that train are in split {name!r} too, so that its metrics "
                "would be of rows that were learnt; cut the splits apart, by `before` and `from_` of one instant or "
                "by `entity_split`"
            )
            raise DatasetError(msg)


def _identity(rows: PinnedRows) -> tuple[str, int, int]:
    """What rows of equal positions are the same of: a snapshot, or those of its files that were appended since one."""
    return rows.snapshot.table, rows.snapshot.snapshot_id, rows.snapshot.rows
