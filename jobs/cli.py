"""The command line. A command is one line in `COMMANDS` and one file in this room whose `app` is a Typer application.

Nothing heavy is imported here: the module of a command is loaded when the command runs, and a command imports pyflink,
ibis or a client inside its function.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from headrace.errors import HeadraceError
from headrace.jobs.lazy import LazyGroup
from headrace.jobs.options import Format, Options
from headrace.jobs.output import error

#: Name, module and line of help; the order is that of the help.
COMMANDS = {
    "demo": ("headrace.jobs.demo", "Run the main job end to end on real data and the real stack; `demo train` learns."),
    "stack": ("headrace.jobs.stack", "Run Kafka, Cassandra and Flink on this machine."),
    "doctor": ("headrace.jobs.doctor", "Check this machine, and say how to mend what is missing."),
    "config": ("headrace.jobs.config", "Show the settings and where each comes from."),
    "compile": ("headrace.jobs.compile", "Print the SQL of a feature."),
    "sql": ("headrace.jobs.sql", "Print a feature as SQL that is the same plan."),
    "explain": ("headrace.jobs.explain", "Show what becomes of a feature, and what its knobs come to."),
    "run": ("headrace.jobs.run", "Compute features of a file's rows on this machine."),
    "diff": ("headrace.jobs.diff", "Compute features on DuckDB and on Flink, and compare."),
    "archive": ("headrace.jobs.archive", "Copy a source's topic into its history table."),
    "backfill": ("headrace.jobs.backfill", "Run a view over its history and on into the live stream."),
    "jobs": ("headrace.jobs.runs:jobs_app", "List runs and jobs."),
    "stop": ("headrace.jobs.runs:stop_app", "Stop a run after a savepoint."),
    "start": ("headrace.jobs.runs:start_app", "Resume a run from its state."),
    "promote": ("headrace.jobs.runs:promote_app", "Let another version of a view serve."),
    "ledger": ("headrace.jobs.ledger", "Prove what a run read and what became of it."),
    "dead-letters": ("headrace.jobs.dead_letters", "Print the rows that a run refused or found late."),
    "get-online": ("headrace.jobs.get_online", "Read features of entities as they are served."),
    "erase": ("headrace.jobs.erase", "Delete an entity from the online store."),
    "consistency": ("headrace.jobs.consistency", "Compare what is served with history, and say why it differs."),
    "training-set": ("headrace.jobs.training_set", "Make training sets, point in time, and make them again."),
    "learn": ("headrace.jobs.learn", "Run a streaming trainer: a model learns from rows as they arrive, each once."),
    "model": ("headrace.jobs.model", "Versions of models: where they come from, what they passed, which one serves."),
    "train": ("headrace.jobs.train", "Learn a model from a pinned snapshot."),
    "freshness": ("headrace.jobs.freshness", "Replay history: what fresh models are worth, and what they cost."),
    "schedule": ("headrace.jobs.schedule", "Retrain, judge and promote a model when its schedules say so."),
    "label-join": ("headrace.jobs.label_join", "Join logged features with labels that come later."),
    "k8s": ("headrace.jobs.k8s", "Write the manifests of a run for Flink's Kubernetes operator."),
}


class _Commands(LazyGroup):
    """The commands of headrace."""

    modules: ClassVar = COMMANDS


app = typer.Typer(
    name="headrace",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def headrace(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings file; default: headrace.yaml here.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print results.")] = Format.TABLE,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Print no colours; as NO_COLOR=1 does.")] = False,
) -> None:
    """Features: one definition, run by Flink over history and over the live stream.

    Example: headrace stack up
    """
    del debug  # read by main, which also sees errors from before the options are parsed
    if no_color:
        os.environ["NO_COLOR"] = "1"
    context.obj = Options(config=config, format=format_)


def main() -> None:
    """Run the command line; an error of ours is one message on standard error and exit status 1."""
    try:
        app()
    except HeadraceError as found:
        if "--debug" in sys.argv[1:]:
            traceback.print_exc()
        error(str(found))
        sys.exit(1)
