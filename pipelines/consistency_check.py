"""`ConsistencyCheck`: what was served, or is served now, beside the same values recomputed from history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

import duckdb

from headrace.compiler.duckdb_point_in_time import entities_sql
from headrace.compiler.duckdb_sql import judged_sql
from headrace.compiler.equality import same
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet, key_sets
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.tiles import WindowMode, floor_to
from headrace.compiler.verdict import Verdict
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.prefix import TopicPartition
from headrace.errors import NotFoundError, RequestError
from headrace.features.instant import asked_us, instant_of
from headrace.pipelines.commits import Commits
from headrace.pipelines.consistency import Consistency, Difference, Kind, lines_of
from headrace.pipelines.consistency_causes import Found, Search
from headrace.pipelines.consistency_history import History, Place, Values
from headrace.pipelines.consistency_recomputed import Recomputed, tiled_kinds
from headrace.pipelines.followed_dimensions import joined_dimensions
from headrace.pipelines.local_run import left_out
from headrace.pipelines.options import one_of
from headrace.pipelines.pinned import use_pinned
from headrace.pipelines.served import Columns, Served, served_of
from headrace.pipelines.spine_file import shown_rows
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.pipelines.training_set import Pinned, PinnedHistory
from headrace.registry.store import Registry
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform

#: Entities of one request: some thousand values, a second or so.
BATCH = 1_000


@dataclass(frozen=True)
class ServingVersion:
    """A version of a view that serves or served, and the runs that write its tables."""

    plan: ViewPlan
    generation: int
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Entities:
    """Entities of one kind and the features over their keys, as `view:feature`."""

    features: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


def serving_version(
    registry: Registry, project: str, view: str, version: tuple[str, int] | None = None
) -> ServingVersion:
    """The version of a view that serves, or another one with its generation.

    Raises:
        NotFoundError: no such view or version, or none serves yet.
    """
    registry.check_view(project, view)
    name, generation = version or _pointed(registry, project, view)
    plan = ViewPlan.from_dict(dict(registry.version(project, view, name).plan))
    tables = set(registry.materialization(project, view, name, generation).tables.values())
    runs = [run for run in registry.runs(project) if run.job_id is not None]
    made = {run.run: registry.materialization(project, run.view, run.version, run.generation).tables for run in runs}
    writing = tuple(run for run, found in made.items() if not tables.isdisjoint(found.values()))
    return ServingVersion(plan, generation, writing)


def _pointed(registry: Registry, project: str, view: str) -> tuple[str, int]:
    """The version and generation that serve."""
    pointer = registry.pointer(project, view)
    if pointer is None:
        msg = f"view {view!r}: no version serves yet, so nothing is materialized; `headrace backfill FILE` does that"
        raise NotFoundError(msg)
    return pointer.version, pointer.generation


class ConsistencyCheck:
    """Compares served values of one version of a view with history.

    Args:
        platform: where history and the ledger are.
        serving: the version.
        windows: `exact`, so that what tiles round is seen and named; or `tiled`, as served values are rounded.
        said: is told how far the work is.
    """

    def __init__(
        self,
        platform: Platform,
        serving: ServingVersion,
        *,
        windows: WindowMode = "exact",
        said: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.platform, self.serving, self.plan = platform, serving, serving.plan
        self.commits = Commits(platform, serving.runs)
        self.windows: WindowMode = one_of("windows", windows, get_args(WindowMode))
        self.said = said

    def pin(self) -> Pinned:
        """History as it is now, at one snapshot, and dimensions as the runs of the version join them.

        Raises as `TrainingSetPipeline.source_history` does; RequestError where no run says which versions it joined.
        """
        history = TrainingSetPipeline(self.platform, {self.plan.name: self.plan}).source_history(self.plan)
        return replace(history, dimensions=self._dimensions())

    def newest_closed(self) -> datetime:
        """The newest time before which history and the job both have all that is not out of order by `max_delay`.

        Raises:
            NotFoundError: neither has an accepted row in common.
        """
        with self._opened(self.pin()) as connection:
            rows = connection.sql(judged_sql(self.plan, "archive")).filter(f"_verdict = {int(Verdict.ACCEPTED)}")
            common = rows.filter(_within(self.commits.newest())).aggregate("max(_event_us)")
            newest = common.to_arrow_table()[0][0].as_py()
        if newest is None:
            msg = f"view {self.plan.name}: no accepted row is in both history and the store; look again later"
            raise NotFoundError(msg)
        finest_us = max(group.finest_us for group in self.plan.groups)
        return instant_of(floor_to(newest - self.plan.source.max_delay_us, finest_us))

    def entities(self, at: datetime, sample: int | None = None) -> Iterator[Entities]:
        """The entities that history knows at a time, in batches for one request each.

        On-demand features are among their features, but for those that an entity alone has no value of.

        `sample`: so many of each kind only, always the same: those whose keys have the least MD5.

        Raises:
            RequestError: the time has no zone.
        """
        at_us = asked_us("at", at)
        asked = tuple(AskedFeature(one.name, one) for one in self.plan.features)
        with self._opened(self.pin()) as connection:
            for keys in key_sets(self.plan, asked):
                found = connection.sql(entities_sql(keys, at_us, "archive", sample)).order("_row").to_arrow_table()
                names = tuple(f"{self.plan.name}:{name}" for name in self._names(keys))
                rows = found.select([key.name for key in keys.keys]).to_pylist()
                for first in range(0, len(rows), BATCH):
                    self.said(f"reading {min(first + BATCH, len(rows)):,} of {len(rows):,} entities")
                    yield Entities(names, tuple(rows[first : first + BATCH]))

    def _names(self, keys: KeySet) -> list[str]:
        """The features that one kind of entity has values of."""
        reasons = self._left_out()
        on_demand = [one for one in self.plan.on_demand if one.name not in reasons]
        of_kind = [one.name for one in on_demand if self.plan.keys_of(one) == keys.keys]
        return [*(one.name for one in keys.asked), *of_kind]

    def compare(self, given: Sequence[Columns], what: str, *, whole: bool = False) -> Consistency:
        """What was served beside history as it is now.

        Args:
            given: tables of `OnlineFeatures.to_dict(statuses=True, asked=True)`, or what `read_served` gives.
            what: names them in errors.
            whole: they are of all features that `entities` names; the others are left out.

        Raises:
            RequestError: they are not what was served, or ask for a time that history does not cover.
            NotFoundError: there is no history, or a feature is not known.
        """
        # Pinned after the store was read, so that history has what the store had, unless the archive is behind.
        history = self.pin()
        served = [part for columns in given for part in served_of(self.plan, columns, what)]
        tables = ", ".join(one.table.name for one in history.histories)
        self.said(f"rows to recompute from {tables}: {sum(part.spine.num_rows for part in served):,}")
        compared: dict[str, int] = {}
        differences: list[Difference] = []
        for part in served:
            with self._recomputed(part, history) as recomputed:
                differences += self._differences(recomputed, part, history)
            for name, answers in part.answers.items():
                compared[name] = compared.get(name, 0) + sum(answer is not None for answer in answers)
        return Consistency(
            view=self.plan.name,
            version=self.plan.version,
            generation=self.serving.generation,
            windows=self.windows,
            histories=tuple((one.table.name, one.snapshot_id) for one in history.histories),
            committed_at=instant_of(history.committed_us),
            notes=tuple(self._notes(history)),
            left_out=self._left_out() if whole else {},
            features=tuple(lines_of(compared, differences)),
            differences=tuple(differences),
        )

    def _differences(self, history: Recomputed, served: Served, pinned: Pinned) -> Iterator[Difference]:
        """The values of one kind of entity that are not those of history, with their causes."""
        self._check_coverage(history, served, pinned)
        truth = history.values(self.windows)
        different = list(_different(served, truth))
        if not different:
            return
        self.said(f"differing values: {len(different):,}; looking for causes")
        search = Search(self.plan, served, history, self.windows, truth)
        left = search.begin(different)
        found = search.go_on(self._committed_by(served, left)) if left else search.found
        for place in different:
            yield _difference(served, truth, place, found[place])

    def _committed_by(self, served: Served, rows: Sequence[int]) -> dict[int, Mapping[TopicPartition, int]]:
        """For each time at which a row was served, the offsets that the runs had committed by then."""
        times = sorted(set(served.spine["_served_us"].take(rows).to_pylist()))
        return {us: found for us in times if (found := self.commits.by(us)) is not None}

    def _check_coverage(self, history: Recomputed, served: Served, pinned: Pinned) -> None:
        """Refuse times of which history cannot tell."""
        outside = history.outside(pinned.committed_us)
        if outside:
            row, why = outside[0]
            msg = (
                f"{len(outside):,} of {served.spine.num_rows:,} rows were served for a time that history does not "
                f"cover: {shown_rows([each for each, _ in outside])}; row {row} at "
                f"{instant_of(served.asked_us(row)).isoformat()} is {why} ({pinned}, "
                f"of {instant_of(pinned.committed_us).isoformat()}). Archive further, or leave them out"
            )
            raise RequestError(msg)

    def _notes(self, history: Pinned) -> Iterator[str]:
        """Where the job is ahead of the archive: what it has read beyond cannot be recomputed."""
        committed = self.commits.newest()
        if not committed:
            return
        prefixes = (part for one in history.histories for part in one.table.prefix(one.snapshot_id))
        archived = {part.of: part.max_offset for part in prefixes}
        for of, last in sorted(committed.items()):
            if (end := archived.get(of, -1)) < last:
                yield f"{of}: history ends at offset {end}, the job has committed to {last}"

    def _left_out(self) -> dict[str, str]:
        """The on-demand features that an entity alone has no value of, with the reason."""
        return left_out(self.plan, ())

    def _dimensions(self) -> dict[str, PinnedHistory]:
        """The dimensions that served values were joined to: those that runs pinned, or follow as they are now."""
        if not dimensions_of(self.plan):
            return {}
        runs = map(self.platform.registry.run, self.serving.runs)
        joined = next((found for run in runs if (found := Cutover.from_dict(run.cutover)).dimensions), None)
        if joined is None:
            msg = (
                f"view {self.plan.name}: joins dimensions, and no run says which versions of them the served values "
                "have: only what `headrace backfill` made can be checked"
            )
            raise RequestError(msg)
        return joined_dimensions(self.platform, self.plan, joined)

    @contextmanager
    def _opened(self, history: Pinned) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database with `archive`."""
        with view_database(self.plan) as connection:
            use_pinned(connection, self.plan, history)
            yield connection

    @contextmanager
    def _recomputed(self, served: Served, history: Pinned) -> Iterator[Recomputed]:
        """What recomputes what was served, in a database for each kind of entity that it reads."""
        with ExitStack() as stack:
            histories, connections = [], []
            kinds = tiled_kinds(self.plan, served)
            for keys, names in kinds.items():
                connection = stack.enter_context(self._opened(history))
                beside = [other for other in kinds if other != keys]
                histories.append(History(connection, self.plan, served, names, beside))
                connections.append(connection)
            # On-demand features take no rows of a database: any will do, and to open one takes time.
            computing = connections[0] if connections else stack.enter_context(in_utc())
            yield Recomputed(self.plan, served, histories, computing)


def _within(offsets: Mapping[TopicPartition, int]) -> str:
    """The condition that a row is among those committed; where nothing is known of commits, every row is."""
    each = (
        f"(_src_topic = {text_literal(of.topic)} AND _src_partition = {of.partition} AND _src_offset <= {last})"
        for of, last in offsets.items()
    )
    return " OR ".join(each) or "TRUE"


def _different(served: Served, truth: Values) -> Iterator[Place]:
    """The values that are not those of history."""
    for name, answers in served.answers.items():
        for row, answer in enumerate(answers):
            if answer is not None and not same(answer.value, truth.features[name].get(row)):
                yield name, row


def _difference(served: Served, truth: Values, place: Place, found: Found) -> Difference:
    """A value that differs, with its causes."""
    name, row = place
    answer, history = served.answers[name][row], truth.features[name].get(row)
    value, status = (answer.value, answer.status) if answer is not None else (None, None)
    return Difference(
        feature=name,
        entity=served.entity(row),
        asked_at=instant_of(served.asked_us(row)),
        kind=Kind.of(value, history),
        served=value,
        status=status,
        history=history,
        causes=found.causes,
        detail=found.detail,
    )
