"""From a plan to one Flink job: events, verdict, tiles, ledger and dead letters, as SQL text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from headrace.compiler.flink_calls import call_views
from headrace.compiler.flink_copies import once_views
from headrace.compiler.flink_functions import create_functions
from headrace.compiler.flink_ledger import dead_letter_sink, ledger_sink, ledger_views
from headrace.compiler.flink_lookups import join_views
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_tables import JobBindings, Legs, Options, create_leg, quoted
from headrace.compiler.flink_text import create_view, filter_label
from headrace.compiler.flink_tiles import tile_sinks, tile_views
from headrace.compiler.flink_union import union_sql
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.compiler.projection import NOTHING, unread_columns
from headrace.compiler.verdict import archive_columns, arrival_us, event_us, verdict

#: Without the materializer, which would keep every row again: keys equal the sink's, and versions decide the rest.
#: Shared views become one block each, so that history and log are read once, whatever the number of inserts.
CONFIG = {
    "table.exec.sink.upsert-materialize": "NONE",
    "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    "table.local-time-zone": "UTC",
}


@dataclass(frozen=True, slots=True)
class FlinkJob:
    """A job as SQL: run `statements` in order, then all `inserts` in one statement set, under `config`."""

    statements: tuple[str, ...]
    inserts: tuple[str, ...]
    config: dict[str, str] = field(default_factory=lambda: dict(CONFIG))

    @classmethod
    def of(cls, statements: Sequence[str], inserts: Sequence[str]) -> FlinkJob:
        """The job of some tables, views and inserts, with those of our functions that they call."""
        return cls((*create_functions([*statements, *inserts]), *statements), tuple(inserts))

    def text(self) -> str:
        """The whole job as one script, for people and golden files."""
        settings = [f"SET '{key}' = '{value}'" for key, value in self.config.items()]
        inserts = ["BEGIN STATEMENT SET", *self.inserts, "END"]
        return ";\n\n".join([*settings, *self.statements, *inserts]) + ";\n"


def flink_job(plan: ViewPlan, bindings: JobBindings) -> FlinkJob:
    """The job that computes a view. KeyError when `bindings.tiles` lacks a tile group of the plan."""
    views = [*legs(plan.source, bindings), *judged_views(plan, bindings)]
    sinks: list[tuple[str, str]] = []
    for group in plan.groups:
        options = bindings.tiles[group.fingerprint]
        views += tile_views(plan, group)
        sinks += tile_sinks(plan, group, options)
    if bindings.offset_tiles is not None:
        views += ledger_views(plan, bindings)
        sinks.append(ledger_sink(bindings.offset_tiles))
    if bindings.dead_letters is not None:
        sinks.append(dead_letter_sink(plan, bindings.run, bindings.dead_letters, _unjudged(plan, bindings)))
    return FlinkJob.of([*views, *(declare for declare, _ in sinks)], [insert for _, insert in sinks])


def archive_job(source: SourcePlan, live: Options, history: Options) -> FlinkJob:
    """The job that archives a topic: every record, unparsable ones too, with its position."""
    columns = quoted(column.name for column in archive_columns(source))
    statements = (create_leg("live", source, live), create_leg("history", source, history))
    return FlinkJob.of(statements, [f"INSERT INTO `history`\nSELECT {columns}\nFROM `live`"])


def legs(source: SourcePlan, bindings: JobBindings) -> list[str]:
    """The tables of the legs that the job reads."""
    return [
        create_leg(name, part, options)
        for number, (part, legs) in enumerate(zip(source.parts, bindings.legs, strict=True))
        for name, options in _named(source, number, legs).items()
    ]


def judged_views(plan: ViewPlan, bindings: JobBindings, let_in: str | None = None) -> list[str]:
    """The views from the legs to judged events; only to those that meet the condition `let_in`, if there is one."""
    event, arrival = FLINK.emit(event_us(plan.source)), FLINK.emit(arrival_us(plan.source))
    unread = _unjudged(plan, bindings)
    judgement = FLINK.emit(verdict(plan, unread), filter_label(plan))
    joins, joined = join_views(plan, bindings, "timed")
    calls, called = call_views(plan, joined, unread)
    narrowed = "" if let_in is None else f"\nWHERE {let_in}"
    return [
        *_events(plan, bindings),
        create_view("timed", f"SELECT *, {event} AS `_event_us`, {arrival} AS `_arrival_us`\nFROM `events`{narrowed}"),
        *joins,
        *calls,
        *once_views(plan, judgement, called),
    ]


def _unread(plan: ViewPlan, bindings: JobBindings) -> list[frozenset[str]]:
    """For each part of the source the columns that rows of its history lack."""
    return [unread_columns(plan, *each) for each in zip(plan.source.parts, bindings.legs, strict=True)]


def _unjudged(plan: ViewPlan, bindings: JobBindings) -> frozenset[str]:
    """The columns of the source that rows of history lack; a union is filled with all of its own."""
    return NOTHING if plan.source.members else _unread(plan, bindings)[0]


def _events(plan: ViewPlan, bindings: JobBindings) -> list[str]:
    """The views from the legs to the view `events`; those of a union's sources are put together there."""
    source, unread = plan.source, dict(enumerate(_unread(plan, bindings)))
    named = [_named(source, number, legs) for number, legs in enumerate(bindings.legs)]
    if not source.members:
        return [create_view("events", _both(source, named[0], unread[0]))]
    read = {number: f"events_{number + 1}" for number, legs in enumerate(named) if legs}
    both = {number: _both(source.parts[number], named[number], unread[number]) for number in read}
    views = [create_view(view, both[number]) for number, view in read.items()]
    return [*views, create_view("events", union_sql(source, read, unread))]


def _named(source: SourcePlan, number: int, legs: Legs) -> dict[str, Options]:
    """The legs that a part of a source has, by the names of their tables."""
    end = f"_{number + 1}" if source.members else ""
    found = {"history": legs.history, "live": legs.live}
    return {f"{name}{end}": options for name, options in found.items() if options is not None}


def _both(source: SourcePlan, legs: Iterable[str], unread: Set[str]) -> str:
    """History and live as one stream; `_is_live` says where a row came from. What is `unread` of history is NULL."""
    return "\nUNION ALL\n".join(
        _leg(source, leg, NOTHING if leg.startswith("live") else unread, is_live=leg.startswith("live")) for leg in legs
    )


def _leg(source: SourcePlan, leg: str, unread: Set[str], *, is_live: bool) -> str:
    """The rows of one leg."""
    columns = ", ".join(
        f"CAST(NULL AS {FLINK.type_of(column)}) AS {FLINK.identifier(column.name)}"
        if column.name in unread
        else FLINK.identifier(column.name)
        for column in archive_columns(source)
    )
    return f"SELECT {str(is_live).upper()} AS `_is_live`, {columns}\nFROM `{leg}`"
