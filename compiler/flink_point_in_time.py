"""Point-in-time cells in Flink SQL: one job over a spine and its history, as a bounded stream.

Events and spine rows of an entity meet in `HR_POINT_IN_TIME` (connectors/java), which keeps them until the input ends
and then answers every row from a tree over the sorted events: no join per key. What it answers with are cells as those
of tiles, one for each window of the row, which `compiler.merge` makes values of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from headrace.compiler.copies import place
from headrace.compiler.flink_scalar import FLINK, TYPES
from headrace.compiler.flink_sql import FlinkJob, judged_views, legs
from headrace.compiler.flink_tables import (
    DimensionOptions,
    JobBindings,
    Legs,
    Options,
    cell_type,
    create_table,
    declared,
    quoted,
)
from headrace.compiler.flink_text import create_view, filter_label, insert_into
from headrace.compiler.flink_tiles import arguments_sql, label_of
from headrace.compiler.plan import Column, TileGroup
from headrace.compiler.point_in_time import Bounds, KeySet
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.verdict import Verdict, judged, passes
from headrace.errors import UnsupportedError
from headrace.features.local_day import runs
from headrace.features.scalar import BOOL, INT

FUNCTION = "HR_POINT_IN_TIME"

#: What a spine has beside the keys, and what an answer has beside the cells.
ASKING = (Column("_row", INT), Column("_t", INT))
ANSWERING = (Column("_row", INT), Column("_seen_us", INT))
#: What dates and orders an event; a row of a spine has none of it.
_ARRIVAL = Column("_arrival_us", INT)
_PLACE = (Column("_src_partition", "int32"), Column("_src_offset", INT))


@dataclass(frozen=True, slots=True)
class PointInTimeBindings:
    """Where the tables of a job are, as `WITH` options: histories, and for each key set its spine and its answers.

    Each of the source's `parts` has a history. `dimensions` are by name.
    """

    histories: Sequence[Options]
    spines: Sequence[Options]
    answers: Sequence[Options]
    dimensions: Mapping[str, DimensionOptions] = field(default_factory=dict)


def point_in_time_job(sets: Sequence[KeySet], bindings: PointInTimeBindings) -> FlinkJob:
    """The job that answers the spines of some key sets of one view, each row of a spine once.

    An answer has the columns of `ANSWERING` and a cell for each of `KeySet.cells`, under its name of `cell_names`.

    Raises:
        UnsupportedError: something is asked that DuckDB alone answers.
    """
    plan = sets[0].plan
    for keys in sets:
        _check(keys)
    reading = [Legs(history, None) for history in bindings.histories]
    legs_only = JobBindings("", "", reading, dimensions=bindings.dimensions)
    statements = [*legs(plan.source, legs_only), *judged_views(plan, legs_only, _narrowing(sets))]
    inserts = []
    for number, (keys, spine, answer) in enumerate(zip(sets, bindings.spines, bindings.answers, strict=True), start=1):
        statements.append(create_table(f"spine_{number}", map(declared, (*ASKING, *keys.keys)), spine))
        statements.append(create_table(f"answer_{number}", _answer(keys), answer))
        statements.append(create_view(f"asked_{number}", _asked(keys, number)))
        inserts.append(insert_into(f"answer_{number}", _answered(keys, number)))
    return FlinkJob.of(statements, inserts)


def cell_names(keys: KeySet) -> list[str]:
    """The column of each of `KeySet.cells`."""
    return [f"_cell{number}" for number, _ in enumerate(keys.cells, start=1)]


def _check(keys: KeySet) -> None:
    """Refuse what `HR_POINT_IN_TIME` would answer otherwise than DuckDB."""
    if keys.plan.source.unique_by is not None and keys.known_by == "arrival":
        # Of copies Flink counts the one that it reads first, which need not be the first that arrived.
        msg = f"source {keys.plan.source.name}: rows with copies are not answered by Flink with known_by='arrival'; "
        msg += "leave out engine='flink'"
        raise UnsupportedError(msg)


def _answer(keys: KeySet) -> list[str]:
    """The columns of an answer, with their types."""
    cells = zip(cell_names(keys), keys.cells.values(), strict=True)
    return [*map(declared, ANSWERING), *(f"`{name}` {cell_type(group)}" for name, group in cells)]


def _answered(keys: KeySet, number: int) -> str:
    """The answers of a spine."""
    columns = quoted([*(column.name for column in ANSWERING), *cell_names(keys)])
    arguments = [
        f"asked => TABLE `asked_{number}` PARTITION BY ({quoted(key.name for key in keys.keys)})",
        f"question => {text_literal(json.dumps(_question(keys)))}",
        f"answer => {text_literal('ROW<' + ', '.join(_answer(keys)) + '>')}",
        f"uid => 'point-in-time-{number}'",
    ]
    listed = ",\n  ".join(arguments)
    return f"SELECT {columns}\nFROM {FUNCTION}(\n  {listed}\n)"


def _question(keys: KeySet) -> dict[str, Any]:
    """What `HR_POINT_IN_TIME` is asked, as its class `Question` has it: groups of events, and windows over them."""
    return {
        "by_arrival": keys.known_by == "arrival",
        "groups": [_group(keys, group) for group in keys.read],
        "windows": [_window(keys, group, bounds) for (_, bounds), group in keys.cells.items()],
        "days": {bounds.zone: _days(bounds.zone, keys) for _, bounds in keys.cells if bounds.zone is not None},
    }


def _days(zone: str, keys: KeySet) -> dict[str, Any]:
    """When days begin in a zone: Flink's own zones may be of another edition than those that DuckDB is told."""
    return {"zone": zone, "runs": [run._asdict() for run in runs(zone, keys.plan.source.earliest_us)]}


def _group(keys: KeySet, group: TileGroup) -> dict[str, Any]:
    """A group's flag and its partials."""
    partials = [
        {
            "kind": partial.kind,
            "argument": _argument(keys, group, partial.argument.text()),
            "size": partial.size,
            "label": label_of(keys.plan, group, partial),
        }
        for partial in group.partials
    ]
    return {"belongs": _belongs(keys, group), "partials": partials}


def _window(keys: KeySet, group: TileGroup, bounds: Bounds) -> dict[str, Any]:
    """A window over a group, and the partials that it reads."""
    number = keys.groups[group.fingerprint] - 1
    known = keys.read[number].partials
    return {"group": number, "partials": [known.index(partial) for partial in group.partials], **asdict(bounds)}


def _asked(keys: KeySet, number: int) -> str:
    """Events and the rows of a spine as one stream: `_row` is NULL in an event, and all but time and keys in a row."""
    names = [key.name for key in keys.keys]
    carried = _carried(keys)
    missing = [f"CAST(NULL AS {TYPES[column.type]})" for column, _ in carried]
    arguments = [f"{sql} AS {FLINK.identifier(column.name)}" for column, sql in carried]
    known = " AND ".join([FLINK.emit(judged(Verdict.ACCEPTED)), *(f"{quoted([name])} IS NOT NULL" for name in names)])
    if keys.deciding:
        known = f"CASE WHEN {known} THEN {_let_in(keys)} ELSE FALSE END"
    event = ",\n  ".join(["CAST(NULL AS BIGINT) AS `_row`, `_event_us` AS `_us`", quoted(names), *arguments])
    row = ", ".join(["`_row`, `_t`", quoted(names), *missing])
    return f"SELECT {event}\nFROM `judged`\nWHERE {known}\nUNION ALL\nSELECT {row}\nFROM `spine_{number}`"


def _narrowing(sets: Sequence[KeySet]) -> str | None:
    """What is asked of the rows of history before their verdict: whether a filter of any set lets them in.

    Flink asks it of Iceberg's files. None where a set needs rows whatever their filters say.
    """
    return " OR ".join(dict.fromkeys(map(_let_in, sets))) if all(keys.is_narrowed for keys in sets) else None


def _let_in(keys: KeySet) -> str:
    """Whether some feature over these keys lets a row in, where each has a filter."""
    filters = [FLINK.emit(one.filter, filter_label(keys.plan, one)) for one in keys.deciding if one.filter is not None]
    return " OR ".join(dict.fromkeys(filters))


def _carried(keys: KeySet) -> list[tuple[Column, str]]:
    """What an event has beside time and keys, with its SQL: its place, and of each group flag and arguments."""
    return [
        (_ARRIVAL, FLINK.identifier(_ARRIVAL.name)),
        *zip(_PLACE, place(keys.plan.source, FLINK).values(), strict=True),
        *(found for group in keys.read for found in _of_group(keys, group)),
    ]


def _of_group(keys: KeySet, group: TileGroup) -> list[tuple[Column, str]]:
    """Whether an event belongs to a group, and its arguments if so: what a filter keeps out is never computed."""
    belongs = FLINK.emit(passes(group), filter_label(keys.plan, group))
    types = {group.argument_columns[partial.argument.text()]: partial.value_type for partial in group.partials}
    arguments = [
        (Column(_prefixed(keys, group, name), types[name]), f"CASE WHEN {belongs} THEN {sql} END")
        for name, sql in arguments_sql(keys.plan, group)
    ]
    return [(Column(_belongs(keys, group), BOOL), belongs), *arguments]


def _belongs(keys: KeySet, group: TileGroup) -> str:
    """The column that says whether an event belongs to a group."""
    return f"_in{keys.groups[group.fingerprint]}"


def _argument(keys: KeySet, group: TileGroup, text: str) -> str:
    """The column of an argument."""
    return _prefixed(keys, group, group.argument_columns[text])


def _prefixed(keys: KeySet, group: TileGroup, name: str) -> str:
    return f"_g{keys.groups[group.fingerprint]}{name}"
