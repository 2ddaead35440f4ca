"""What to tell of a run: those of views and of label joins are stopped, resumed and made anew in different ways."""

from __future__ import annotations

from headrace.pipelines.label_tables import NAMESPACE
from headrace.registry.store import Run


def is_label_run(run: Run) -> bool:
    """Whether a run is of a label join, and not of a view."""
    return run.view.startswith(f"{NAMESPACE}.")


def label_join_of(run: Run) -> str:
    """The name of the label join that a run is of."""
    return run.view.removeprefix(f"{NAMESPACE}.")


def resume_command(run: Run) -> str:
    """The command that resumes a run.

    >>> resume_command(Run("rides-1", "taxis", "rides", "v1", {}))
    'headrace start rides-1'
    >>> resume_command(Run("frauds-1", "taxis", "labels.frauds", "v1", {}))
    'headrace label-join resume frauds-1'
    """
    return f"headrace label-join resume {run.run}" if is_label_run(run) else f"headrace start {run.run}"


def stop_command(run: Run) -> str:
    """The command that stops a run."""
    return f"headrace label-join stop {run.run}" if is_label_run(run) else f"headrace stop {run.run}"


def anew(run: Run) -> str:
    """What to do with a run that cannot go on.

    >>> anew(Run("rides-1", "taxis", "rides", "v1", {}))
    'backfill the view anew'
    """
    if not is_label_run(run):
        return "backfill the view anew"
    return f"drop the tables (`headrace label-join drop {label_join_of(run)}`) and start the label join anew"
