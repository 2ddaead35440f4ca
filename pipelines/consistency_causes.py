"""Why a served value is not that of history: proven by computing it again without the rows that it may not have had.

Causes are tried one at a time and then together, and the first that make the value equal are the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from headrace.compiler.equality import EXACT_UP_TO, is_estimate, same
from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import PlannedFeature, ViewPlan
from headrace.compiler.served import Status
from headrace.compiler.tiles import WindowMode, floor_to
from headrace.compiler.window_slices import Instant, bounds_of, deleted_levels, slices_of
from headrace.connectors.prefix import TopicPartition
from headrace.features.duration import format_duration, readable_duration
from headrace.features.instant import instant_of
from headrace.pipelines.consistency import Cause, shown
from headrace.pipelines.consistency_history import Marks, Part, Place, Values
from headrace.pipelines.consistency_recomputed import Recomputed
from headrace.pipelines.served import Answer, Served

#: Of rows that were not committed, how many are taken in one by one: a job commits every few seconds.
MOST_UNCOMMITTED = 64
ALL = Part("TRUE")
KNOWN_LATER = "the store knows the entity by a row at or after the asked time"


@dataclass(frozen=True)
class About:
    """Rows that show a cause, and what is said of them."""

    part: Part
    words: str


@dataclass(frozen=True)
class Explanation:
    """Causes that together may make a value equal: history in these windows, of this part of its rows.

    `about`: for each cause that rows show, these.
    """

    causes: tuple[Cause, ...]
    windows: WindowMode
    part: Part
    about: Mapping[Cause, About] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """Why a value differs, and what shows it."""

    causes: tuple[Cause, ...]
    detail: str


@dataclass
class Search:
    """Looks for the causes of the values that differ.

    Args:
        plan: the version of the view that served.
        served: what was served.
        history: recomputes it.
        windows: the mode in which history was computed.
        truth: the values of history.
    """

    plan: ViewPlan
    served: Served
    history: Recomputed
    windows: WindowMode
    truth: Values
    found: dict[Place, Found] = field(default_factory=dict)
    open: set[Place] = field(default_factory=set)
    known_later: set[Place] = field(default_factory=set)
    known_later_by_commits: set[Place] = field(default_factory=set)

    def begin(self, different: Sequence[Place]) -> list[int]:
        """Explain what needs no rows; returns the rows that are left."""
        self.open = set(different)
        self.known_later = self.history.known_later(self.rows)
        self.take(Explanation((), self.windows, ALL), self.truth)
        if self.windows == "exact" and self.open:
            self.take(Explanation((Cause.TAIL_ROUNDING,), "tiled", ALL), self.history.values("tiled"))
        return self.rows

    def go_on(self, commits: Mapping[int, Mapping[TopicPartition, int]]) -> dict[Place, Found]:
        """Explain the rest by the rows behind each value; what is left then is unexplained."""
        marks = self.history.gather(self.rows, commits)
        self.known_later_by_commits = self.history.known_later_by_commits()
        for one in explanations(self.windows, marks):
            if self.open:
                values = self.history.again(self.names, one.windows, one.part)
                self.take(one, values)
        self._leave()
        return self.found

    @property
    def rows(self) -> list[int]:
        """The rows of which something is not explained."""
        return sorted({row for _, row in self.open})

    @property
    def names(self) -> list[str]:
        """The features of which something is not explained."""
        return [name for name in self.served.answers if any(name == other for other, _ in self.open)]

    def take(self, one: Explanation, values: Values) -> None:
        """Explain what these values make equal."""
        behind = _Behind(self.history, one)
        # An entity whose rows were not committed may not have been known either.
        later = self.known_later_by_commits if Cause.NOT_MATERIALIZED in one.causes else self.known_later
        for more, found in self.besides(values, later):
            causes = (*one.causes, *more)
            for place in sorted(self._going_by(causes)):
                name, row = place
                if same(self.answer(place).value, found.features[name].get(row)):
                    self.found[place] = Found(causes, "; ".join(self._details(place, causes, behind)))
                    self.open.discard(place)

    def besides(self, values: Values, known_later: Set[Place]) -> Iterator[tuple[tuple[Cause, ...], Values]]:
        """Values as they are, and as they are with what needs no rows to be explained."""
        yield (), values
        for cause, changed in (
            (Cause.UNKNOWN_ENTITY, self._empty(values, known_later)),
            (Cause.EXPIRED, self._expired()),
            (Cause.ESTIMATE, self._estimated(values)),
        ):
            if changed:
                yield (cause,), self.history.substituted(values, changed)

    def answer(self, place: Place) -> Answer:
        """What was served."""
        name, row = place
        return self.served.answers[name][row] or Answer(None)

    def _going_by(self, causes: Collection[Cause]) -> Set[Place]:
        """The open values of which causes may be told: of what is expired, those alone that were called so."""
        if not causes:
            return frozenset()
        return self._called_expired() if Cause.EXPIRED in causes else self.open

    def _behind(self, places: Collection[Place]) -> set[Place]:
        """The values with tiles that values are, or are computed of."""
        read = {name: self.history.behind(name) for name in {name for name, _ in places}}
        return {(each, row) for name, row in places for each in read[name]}

    def _empty(self, values: Values, known_later: Set[Place]) -> dict[Place, Any]:
        """What the store gives of entities that it knows, and history does not."""
        places = self._behind(self.open) & values.unknown & known_later
        return {place: empty_value(self.plan.feature(place[0])) for place in places}

    def _estimated(self, values: Values) -> dict[Place, Any]:
        """What was served where it is as good an estimate as another."""
        served = {place: answer.value for place in self._behind(self.open) if (answer := self.served.answer(*place))}
        return {
            (name, row): value
            for (name, row), value in served.items()
            if is_estimate(self.plan.feature(name), value, values.features[name].get(row))
        }

    def _expired(self) -> dict[Place, Any]:
        """What the store rightly says is expired; by the clock of events nothing expires."""
        places = self._behind(self._called_expired() if self.plan.clock == "wall" else ())
        return {place: None for place in places if any(self._not_kept(place))}

    def _called_expired(self) -> set[Place]:
        """The open values whose answer said that they are expired."""
        return {place for place in self.open if self.answer(place).status == Status.EXPIRED}

    def _not_kept(self, place: Place) -> Iterator[str]:
        """How long tiles are kept of which one of the window was past that when the answer was made."""
        name, row = place
        now_us, is_now = self.served.made_us(row), self.served.is_now(row)
        instant = Instant(self.served.asked_us(row), now_us, is_now=is_now)
        for part in self.plan.feature(name).parts:
            group = self.plan.group(part.group)
            for level_us in deleted_levels(slices_of(part, group, instant), group, instant):
                kept_us = group.retention_us(level_us) or 0
                yield f"tiles of {format_duration(level_us)} are kept {readable_duration(kept_us)} after their end"

    def _leave(self) -> None:
        """What is left is unexplained."""
        about = {Cause.UNEXPLAINED: About(ALL, "of history behind it, none of which explains the difference")}
        behind = _Behind(self.history, Explanation((Cause.UNEXPLAINED,), self.windows, ALL, about))
        for place in sorted(self.open):
            read = ", ".join(
                f"{name}={shown(value)}" for name, value in self.history.read_at(place, self.truth).items()
            )
            computed = f"history computes it of {read}; " if read else ""
            self.found[place] = Found((Cause.UNEXPLAINED,), computed + behind.text(place, Cause.UNEXPLAINED))
        self.open.clear()

    def _details(self, place: Place, causes: Sequence[Cause], behind: _Behind) -> Iterator[str]:
        """What shows each cause."""
        for cause in causes:
            if cause is Cause.TAIL_ROUNDING:
                yield "; ".join(self._rounded(place))
            elif cause is Cause.EXPIRED:
                kept = (text for each in sorted(self._behind([place])) for text in self._not_kept(each))
                yield "; ".join(dict.fromkeys(kept))
            elif cause is Cause.UNKNOWN_ENTITY:
                yield KNOWN_LATER
            elif cause is Cause.ESTIMATE:
                yield f"more than {EXACT_UP_TO:,} different values are estimated"
            else:
                yield behind.text(place, cause)

    def _rounded(self, place: Place) -> Iterator[str]:
        """The window of a value, or of each that it is computed of, and what its tiles hold."""
        name, row = place
        for read in self.history.behind(name):
            feature = self.plan.feature(read)
            finest_us, now = self.plan.group(feature.group).finest_us, self.served.is_now(row)
            text = rounding(feature.parts[0], finest_us, self.served.asked_us(row), now=now)
            yield text if read == name else f"{read}: {text}"


@dataclass
class _Behind:
    """The rows that an explanation is about, by cause and feature; looked up once."""

    history: Recomputed
    one: Explanation
    looked_up: dict[tuple[Cause, str], Mapping[int, str]] = field(default_factory=dict)

    def text(self, place: Place, cause: Cause) -> str:
        """The rows that show a cause, in words."""
        name, row = place
        about = self.one.about[cause]
        if (cause, name) not in self.looked_up:
            self.looked_up[cause, name] = self.history.rows_behind(name, self.one.windows, about.part)
        return f"{self.looked_up[cause, name].get(row, 'no row')} {about.words}"


def explanations(windows: WindowMode, marks: Marks) -> Iterator[Explanation]:
    """What may explain a value by the rows behind it: one cause before two, and two before three."""
    rounded: list[tuple[tuple[Cause, ...], WindowMode]] = [((), windows)]
    if windows == "exact":
        rounded.append(((Cause.TAIL_ROUNDING,), "tiled"))
    for parts in (list(_singles(marks)), list(_pairs(marks))):
        for rounding_too, mode in rounded:
            for part, about in parts:
                yield Explanation((*about, *rounding_too), mode, part, about)


AFTER = About(Part("_after"), "arrived after it was served")
LATE = About(Part("_late", with_late=True), "judged late, and in the value all the same")


def _singles(marks: Marks) -> Iterator[tuple[Part, Mapping[Cause, About]]]:
    """Parts of the rows that one cause leaves out or takes in."""
    if marks.after:
        yield Part("NOT _after"), {Cause.LATE_ROW: AFTER}
    if marks.late:
        yield Part("TRUE", with_late=True), {Cause.LATE_ROW: LATE}
    for most in range(min(marks.uncommitted, MOST_UNCOMMITTED)):
        yield Part(f"_rank <= {most}"), {Cause.NOT_MATERIALIZED: _uncommitted(most)}


def _pairs(marks: Marks) -> Iterator[tuple[Part, Mapping[Cause, About]]]:
    """Parts of the rows that two causes leave out."""
    for most in range(min(marks.uncommitted, MOST_UNCOMMITTED) if marks.after else 0):
        about = {Cause.LATE_ROW: AFTER, Cause.NOT_MATERIALIZED: _uncommitted(most)}
        yield Part(f"NOT _after AND _rank <= {most}"), about


def _uncommitted(most: int) -> About:
    """The rows beyond some that were not committed."""
    return About(Part(f"NOT _after AND _rank > {most}"), "not committed by the job when it was served")


def empty_value(feature: PlannedFeature) -> Any:
    """The value of a window that holds nothing."""
    return value_from(feature, [merge_feature(part, []) for part in feature.parts])


def rounding(feature: PlannedFeature, finest_us: int, at_us: int, *, now: bool) -> str:
    """The window of a feature, and what its tiles hold.

    >>> hour = 3_600_000_000
    >>> feature = PlannedFeature("clicks_1h", "count", "0a1b2c3d", (), "int", hour, hour // 12)
    >>> rounding(feature, hour // 12, 2 * hour + 60_000_000, now=False).partition(", ")[2]
    'tiles 1970-01-01T01:00:00+00:00 to 1970-01-01T02:00:00+00:00'
    """
    start, end = bounds_of(feature, at_us)
    open_end = now and not feature.lag_us
    tiles_end = instant_of(end if open_end else floor_to(end, finest_us)).isoformat()
    if feature.window_us is None or feature.tail_us is None:
        return f"tiles to {tiles_end}, of {instant_of(end).isoformat()}"
    tiles = f"{instant_of(floor_to(start, feature.tail_us)).isoformat()} to {tiles_end}"
    return f"window {instant_of(start).isoformat()} to {instant_of(end).isoformat()}, tiles {tiles}"
