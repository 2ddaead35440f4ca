"""Facts of a label join in a pinned table: which of them are taken, and which others have superseded."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pyarrow as pa

from headrace.connectors.duckdb_files import database
from headrace.connectors.label_ids import LABEL_IDS, ids_to_note
from headrace.errors import DatasetError, did_you_mean
from headrace.features.label_join import ADDED, FACT_NUMBER
from headrace.training.data.fact_conditions import CHOICES, FACT_FILTERS, LAST, FactChoice
from headrace.training.data.filters import Condition
from headrace.training.data.rows import PinnedRows, Superseded
from headrace.training.data.snapshot import Snapshot

#: A run asks of its snapshot, of what was appended, and of those of its evaluation sets; each asks several times.
REMEMBERED = 4


def has_facts(snapshot: Snapshot) -> bool:
    """Whether a table has the columns of facts, as a label join's own has, and whatever was copied from it."""
    return set(ADDED) <= set(snapshot.schema.names)


def chosen_facts(rows: PinnedRows, which: FactChoice | None, what: str = "") -> PinnedRows:
    """Of pinned rows those facts that are chosen; of a table without facts, where none are, the rows as they are.

    Args:
        which: one of `CHOICES`. `last`: the last fact of each id at the snapshot. None: nobody chose, and each id
            has to have one.
        what: whose choice it is, for errors.

    Raises:
        DatasetError: nobody chose, and some of the rows are superseded: how many, of how many ids, and what to choose.
            Or there are no facts to choose from; or the last ones are chosen, and cannot be told.
    """
    if which is not None:
        return _chosen(rows, which, what)
    if has_facts(rows.snapshot):
        _refuse_superseded(rows, what or str(rows.snapshot))
    return rows


def taken_as(rows: PinnedRows, like: PinnedRows) -> PinnedRows:
    """Rows of a table without those that are superseded, if others of it are so, too."""
    return rows if like.superseded is None else replace(rows, superseded=superseded(rows.snapshot))


@lru_cache(maxsize=REMEMBERED)
def superseded(snapshot: Snapshot) -> Superseded:
    """The facts that later ones of the same id have superseded; reads the columns of ids, which have to fit in memory.

    Of files that were appended since another snapshot these are the same as of all files: what supersedes a fact comes
    after it.

    Raises DatasetError when the table does not say by which columns facts belong together, or an id had a number twice.
    """
    if not snapshot.fact_ids:
        example = ids_to_note(["request"])[LABEL_IDS]
        msg = f"{snapshot}: does not say by which columns its facts belong together, so that the last fact of each id "
        msg += f"is not known; set the table's property {LABEL_IDS} to them, such as {example!r}"
        raise DatasetError(msg)
    ids = [f"id_{place}" for place, _ in enumerate(snapshot.fact_ids)]
    with database(f"{snapshot}: facts") as connection:
        connection.register("facts", _facts(snapshot, ids))
        same = " AND ".join(f"facts.{one} IS NOT DISTINCT FROM several.{one}" for one in ids)
        connection.execute(
            f"CREATE TABLE several AS SELECT {', '.join(ids)}, max(number) AS newest,"  # noqa: S608 (names of ours)
            " count(DISTINCT number) < count(*) AS again FROM facts GROUP BY ALL HAVING min(number) < max(number)"
        )
        ((count, again),) = connection.sql("SELECT count(*), count(*) FILTER (again) FROM several").fetchall()
        found = connection.sql(
            f"SELECT position FROM facts JOIN several ON {same} WHERE number < newest ORDER BY position"  # noqa: S608
        ).to_arrow_table()
    if again:
        msg = f"{snapshot}: {again:,} ids have facts of one number twice: they were used again after they had been "
        msg += 'forgotten, and which fact is the last of which use is not known; choose facts "first" or "all"'
        raise DatasetError(msg)
    return Superseded(found["position"].to_numpy(), count)


def _chosen(rows: PinnedRows, which: str, what: str) -> PinnedRows:
    at = f"{what}: " if what else ""
    if which not in CHOICES:
        msg = f"{at}facts is {which!r}; {did_you_mean(which, CHOICES)}"
        raise DatasetError(msg)
    if not has_facts(rows.snapshot):
        msg = f"{at}facts is {which!r}, and {rows.snapshot} has none of a label join: it lacks "
        msg += f"{', '.join(sorted(set(ADDED) - set(rows.snapshot.schema.names)))}; leave it out"
        raise DatasetError(msg)
    if which == LAST:
        return replace(rows, superseded=superseded(rows.snapshot))
    return rows.where(*(one for one in FACT_FILTERS[which] if one not in rows.filters))


def _refuse_superseded(rows: PinnedRows, what: str) -> None:
    """DatasetError where rows are superseded, or may be, and nobody said that they are to be taken."""
    if not rows.snapshot.fact_ids:
        found = rows.where(Condition(FACT_NUMBER, ">", 1)).count().kept
        told = f"{found:,} facts of {rows.snapshot} correct earlier ones of their ids, and may stand beside them"
        todo = f'"first" or "all"; the last of each id is known once the property {LABEL_IDS} of the table is set'
    else:
        past = superseded(rows.snapshot)
        found = rows.count().kept - replace(rows, superseded=past).count().kept if past.ids else 0
        told = f"{past.ids:,} ids of {rows.snapshot} have several facts, of which the last counts, and {found:,} of "
        told += "the rows are superseded"
        todo = '"last" for the last of each id, or "all" for each fact as a row of its own'
    if found:
        msg = f"{what}: {told}; say which are meant by `facts`: {todo}"
        raise DatasetError(msg)


def _facts(snapshot: Snapshot, ids: list[str]) -> pa.Table:
    """The ids of all facts under names of ours, with number and position."""
    blocks = list(PinnedRows(snapshot).blocks([*snapshot.fact_ids, FACT_NUMBER]))
    schema = pa.schema([snapshot.schema.field(name) for name in (*snapshot.fact_ids, FACT_NUMBER)])
    rows = pa.concat_tables([schema.empty_table(), *(one.rows for one in blocks)]).rename_columns([*ids, "number"])
    positions = np.concatenate([np.empty(0, np.int64), *(one.positions for one in blocks)])
    return rows.append_column("position", pa.array(positions))
