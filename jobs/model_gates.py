"""`headrace model verify` and `admit`: gates, asked for by options or declared in a file, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.errors import NotFoundError, SettingsError
from headrace.jobs.deciding import decision_of
from headrace.jobs.model_options import By, Reason, Version, store_of
from headrace.jobs.model_rows import SHORT, gate_row, print_model_rows
from headrace.jobs.options import Format, FormatOption, options_of
from headrace.jobs.output import progress

if TYPE_CHECKING:
    from headrace.registry.model_facts import Candidate
    from headrace.training.models.gates import Gate, GateResult
    from headrace.training.models.governed import Examination
    from headrace.training.models.store import ModelStore, VersionStatus

BOUND, PLAUSIBLE = "SET/METRIC=NUMBER", "SET/LABEL_TIME=SHARE"
ROWS = "NAME=ROWS"
NotWorseOption = Annotated[list[str] | None, typer.Option(metavar=BOUND, help="At most so much above the champion's.")]
NotLowerOption = Annotated[list[str] | None, typer.Option(metavar=BOUND, help="At most so much below the champion's.")]
SlicesOption = Annotated[
    list[str] | None, typer.Option(metavar=BOUND, help="No slice more than so much above the champion's.")
]
LeastOption = Annotated[int, typer.Option(min=0, help="Slices of fewer rows are not judged.")]
AtMostOption = Annotated[list[str] | None, typer.Option(metavar=BOUND, help="At most this, whatever the champion has.")]
PlausibleOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar=PLAUSIBLE,
        help="No hour of labels learned is less plausible than a set's; of honest versions it refuses this share.",
    ),
]
OnOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar=ROWS,
        help="Evaluate it and the champion: NAME=TABLE[@SNAPSHOT] [facts WHICH] [where FILTERS] [by COLUMN, COLUMN] "
        "[even learned].",
    ),
]
WithinOption = Annotated[
    float | None, typer.Option(metavar="MS", min=0, help="99 of 100 predictions of a row take at most so long.")
]
AnswerOption = Annotated[
    bool, typer.Option("--stored-answer", help="It gives to its stored row the answer that it gave when it was made.")
]
ChangedOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHY", help="Judge by the file's gates though it keeps others; why, which is kept as evidence."
    ),
]
FileOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A Python file that declares the model: its gates, too.")
]


@dataclass(frozen=True)
class _Asked:
    """The gates that options ask for."""

    not_worse: Sequence[str] | None
    not_lower: Sequence[str] | None
    slices_not_worse: Sequence[str] | None
    at_most: Sequence[str] | None
    labels_plausible: Sequence[str] | None
    on: Sequence[str] | None
    within: float | None
    stored_answer: bool
    file: Path | None
    least_rows: int = 0

    def examination(self, model: str) -> Examination:
        """What options ask for, and what the file declares of the model. SettingsError for one that nothing reads."""
        from headrace.training.models.evaluation_set import EvaluationSet
        from headrace.training.models.governed import Examination, examination_in

        if self.least_rows and not self.slices_not_worse:
            msg = f"--least-rows {self.least_rows}: of which slices? give --slices-not-worse {BOUND}, or leave it out: "
            raise SettingsError(msg + "a gate of --file has its own least rows")
        asked = Examination([EvaluationSet.of(text) for text in self.on or []], [*self._bounds(), *self._of_models()])
        return asked if self.file is None else examination_in(self.file, model) | asked

    def reason_of(self, gates_changed: str | None) -> str | None:
        """Why gates that were kept have changed; SettingsError without a file that declares others."""
        if gates_changed is not None and self.file is None:
            msg = f"--gates-changed {gates_changed!r}: changed to which? give the file that declares them by --file"
            raise SettingsError(msg)
        return gates_changed

    def _bounds(self) -> list[Gate]:
        from headrace.training.models.gates import AtMost, NotWorse, SlicesNotWorse
        from headrace.training.models.labels_plausible import LabelsPlausible

        def slices(set_: str, metric: str, margin: float) -> Gate:
            return SlicesNotWorse(set_, metric, margin, least_rows=self.least_rows)

        def lower(set_: str, metric: str, margin: float) -> Gate:
            return NotWorse(set_, metric, margin, greater_is_better=True)

        kinds: list[tuple[str, Sequence[str] | None, Callable[[str, str, float], Gate]]] = [
            ("--not-worse", self.not_worse, NotWorse),
            ("--not-lower", self.not_lower, lower),
            ("--slices-not-worse", self.slices_not_worse, slices),
            ("--at-most", self.at_most, AtMost),
            ("--labels-plausible", self.labels_plausible, LabelsPlausible),
        ]
        return [kind(*_bound(option, text)) for option, texts, kind in kinds for text in texts or []]

    def _of_models(self) -> list[Gate]:
        from headrace.training.models.model_gates import AnswersWithin, StoredAnswer

        stored: list[Gate] = [StoredAnswer()] if self.stored_answer else []
        return stored if self.within is None else [*stored, AnswersWithin(self.within)]


def verify(
    context: typer.Context,
    version: Version,
    reason: Reason = "verified by hand",
    by: By = "",
    file: FileOption = None,
    on: OnOption = None,
    not_worse: NotWorseOption = None,
    not_lower: NotLowerOption = None,
    slices_not_worse: SlicesOption = None,
    least_rows: LeastOption = 0,
    at_most: AtMostOption = None,
    labels_plausible: PlausibleOption = None,
    within: WithinOption = None,
    stored_answer: AnswerOption = False,
    gates_changed: ChangedOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge only; the version stays where it is.")] = False,
    format_: FormatOption = None,
) -> None:
    """Judge a version by gates: its artifact, its features, and those asked for; exit status 1 when one fails.

    A trained version goes to verified or rejected, with the evidence; any other stays where it is. Gates that it keeps
    from its definition must be among them: give its file. A gate over a set of `--on` evaluates the version and the
    champion on the same rows; over another it judges what was recorded.

    Example: headrace model verify flights@3 --on "recent=raw.flights where at >= 2013-10-01T00:00:00Z by carrier"
    --not-worse recent/log_loss=0 --slices-not-worse recent/log_loss=0.02
    """
    from headrace.registry.model_states import State

    store = store_of(context)
    bounds = not_worse, not_lower, slices_not_worse, at_most, labels_plausible
    asked = _Asked(*bounds, on, within, stored_answer, file, least_rows)
    status = store.status(version)
    examination = asked.examination(status.version.model)
    gates = examination.bound(store, options_of(context).settings(), status.version.facts)
    why = asked.reason_of(gates_changed)
    if not dry_run and status.state is State.TRAINED:
        results = store.verify(version, gates, decision_of(reason, by), why)
    else:
        _look_ahead(store, status, gates, why)
        results = store.check(version, gates)
    _tell(context, results, format_)
    progress(f"{version} is {store.status(version).state}")
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def admit(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model whose trainer left candidates.")],
    artifact: Annotated[
        str, typer.Argument(help="The first digits of a candidate's artifact; default: the newest.")
    ] = "",
    reason: Reason = "admitted by hand",
    by: By = "",
    file: FileOption = None,
    on: OnOption = None,
    not_worse: NotWorseOption = None,
    not_lower: NotLowerOption = None,
    slices_not_worse: SlicesOption = None,
    least_rows: LeastOption = 0,
    at_most: AtMostOption = None,
    labels_plausible: PlausibleOption = None,
    within: WithinOption = None,
    stored_answer: AnswerOption = False,
    gates_changed: ChangedOption = None,
    format_: FormatOption = None,
) -> None:
    """Judge a candidate by gates, as `verify` does a version; it becomes one when all pass, else exit status 1.

    Example: headrace model admit flights --file flights_stream.py
    """
    store = store_of(context)
    candidate = _candidate(store, model, artifact)
    bounds = not_worse, not_lower, slices_not_worse, at_most, labels_plausible
    asked = _Asked(*bounds, on, within, stored_answer, file, least_rows)
    gates = asked.examination(model).bound(store, options_of(context).settings(), candidate.facts)
    admission = store.admit(candidate, gates, decision_of(reason, by), asked.reason_of(gates_changed))
    _tell(context, admission.results, format_)
    short = candidate.facts.artifact[:SHORT]
    if admission.version is None:
        progress(f"candidate {short} of {model} is no version; the evidence is kept")
        raise typer.Exit(1)
    progress(f"candidate {short} is {admission.version.name}, verified")


def _tell(context: typer.Context, results: Sequence[GateResult], format_: FormatOption) -> None:
    """Print verdicts; a table leaves out the metrics beside the one that was judged."""
    chosen, rows = options_of(context).chosen(format_), [gate_row(result) for result in results]
    for row in rows if chosen is Format.TABLE else []:
        row["evidence"].pop("metrics", None)
    print_model_rows(rows, chosen)


def _look_ahead(store: ModelStore, status: VersionStatus, gates: Sequence[Gate], why: str | None) -> None:
    """Tell of kept gates that a version which is trained would not be verified without.

    Raises TransitionError for a reason to leave them out that a verification would refuse.
    """
    from headrace.registry.kept_gates import check_change
    from headrace.registry.model_states import State
    from headrace.training.models.described import described

    version = status.version
    if why is not None:
        check_change(version.name, version.facts, [described(one) for one in gates], why)
    elif status.state is State.TRAINED and (names := store.unasked(version.name, gates)):
        kept = ", ".join(names)
        progress(f"{version.name} keeps gates that were not asked: {kept}; it is not verified without them")


def _candidate(store: ModelStore, model: str, artifact: str) -> Candidate:
    """The newest candidate, of those whose artifact begins so. NotFoundError when there is none."""
    found = [one.candidate for one in store.candidates(model) if one.candidate.facts.artifact.startswith(artifact)]
    if not found:
        what = f" whose artifact begins with {artifact!r}" if artifact else ""
        msg = f"model {model!r}: no candidate{what}; `headrace model list {model} --candidates` shows those there are"
        raise NotFoundError(msg)
    return max(found, key=lambda one: (one.created_at, one.facts.rows_seen))


def _bound(option: str, text: str) -> tuple[str, str, float]:
    """Set, metric and number of a text."""
    path, _, number = text.partition("=")
    set_, _, metric = path.partition("/")
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if set_ and metric and math.isfinite(bound):
        return set_, metric, bound
    shape, such = (
        (PLAUSIBLE, "trusted/known_at=0.05") if option == "--labels-plausible" else (BOUND, "recent/log_loss=0.002")
    )
    msg = f"{option} {text!r}: expected {shape} with a finite number, such as {such}"
    raise SettingsError(msg)
