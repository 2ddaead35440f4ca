"""What a model must pass to go into production: the week after its rows, a July, its own labels, its stored answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from headrace.examples.late_flights.model import AUTUMN, LateFlights
from headrace.registry.model_facts import Candidate, ModelVersion
from headrace.registry.model_states import Alias, Decision, State
from headrace.runtime.settings import Settings
from headrace.training.data import before, from_
from headrace.training.models import EvaluationSet, Examination, LabelsPlausible, NotWorse, StoredAnswer
from headrace.training.models.store import Admission, ModelStore

#: Who decides here.
WHO = "demo"
#: How much of log loss two models of some weeks may differ by on one week, and be as good as each other.
NOISE = 0.002
#: How much of log loss on an earlier season a model may give up for the present one.
FORGOTTEN = 0.05
#: The frozen set: the summer's thunderstorms, of which autumn has none.
JULY, AUGUST = datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC)
#: No hour of labels may be further from what the champion expects than those of January to August were.
LABELS = LabelsPlausible("history", "known_at")
#: How long the recent set is.
WEEK = timedelta(days=7)


def examination(snapshot_id: int, after: datetime) -> Examination:
    """The gates of a model whose newest label was known at an instant: none of the recent rows has it learned.

    Args:
        snapshot_id: of the table of labelled departures, which all rows are read from.
        after: the recent rows are those of the seven days from here.
    """
    source = f"{LateFlights.source}@{snapshot_id}"
    recent = EvaluationSet("recent", source, (from_("known_at", after), before("known_at", after + WEEK)))
    july = (from_("known_at", JULY), before("known_at", AUGUST))
    # The first version has learned from July: what is asked is whether those after it have forgotten.
    frozen = EvaluationSet("frozen", source, july, may_be_learned=True)
    history = EvaluationSet("history", source, (before("known_at", AUTUMN),), may_be_learned=True)
    gates = (NotWorse("recent", "log_loss", NOISE), NotWorse("frozen", "log_loss", FORGOTTEN), LABELS, StoredAnswer())
    return Examination((recent, frozen, history), gates)


def admitted(
    store: ModelStore, settings: Settings, candidate: Candidate, snapshot_id: int, newest: pd.Timestamp
) -> Admission:
    """What the gates say of a candidate whose newest label was known at an instant, and the version that it became."""
    # Labels are known to the second, so no row of that one is among the recent.
    after = (newest + pd.Timedelta(seconds=1)).to_pydatetime()
    gates = examination(snapshot_id, after).bound(store, settings)
    return store.admit(candidate, gates, Decision(WHO, "judged on the week after its rows"))


def promoted(store: ModelStore, version: ModelVersion, why: str) -> None:
    """A verified version goes into production, through the dark, in the champion's place."""
    champion = store.history(version.model).holder(Alias.CHAMPION)
    for state in (State.REGISTERED, State.DARK):
        store.move(version.name, state, Decision(WHO, why))
    store.promote(version.name, champion, Decision(WHO, why))


def judged(made: Admission) -> str:
    """What the gates over rows and labels found of a candidate, beside the most that they let through."""
    shown = [one for one in made.results if "/" in one.name or one.name == LABELS.name]
    found = [one for one in shown if one.value is not None and one.bound is not None]
    return ", ".join(f"{one.name.split()[0]} {one.value:.4g}, at most {one.bound:.4g}" for one in found)
