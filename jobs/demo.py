"""`headrace demo`: the main job on the real stack and real data, then learning, with every claim asserted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.jobs.options import options_of

if TYPE_CHECKING:
    from headrace.runtime.settings import Settings

# A replay of a year in minutes wants few writes for a tile rather than fresh ones: as many as there are checkpoints.
DEMO_FLINK = {"configuration": {"table.exec.mini-batch.allow-latency": "5 s"}}
# The main job leaves one slot; there is one learner anyway.
LEARNING_FLINK = {"parallelism": 1}

Down = Annotated[bool, typer.Option("--down", help="Stop the stack at the end.")]

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


@app.callback()
def demo(
    context: typer.Context,
    features: Annotated[
        Path | None, typer.Option(help="Another feature file over the flights.", show_default="the example's")
    ] = None,
    down: Down = False,
) -> None:
    """Run the main job end to end: history, cutover, two kills, ledger, online values; exit status 1 if one is wrong.

    It runs on a local stack of its own, in the folder `demo` of the home, from nothing.

    Example: headrace demo --down
    """
    if context.invoked_subcommand is not None:
        return
    from headrace.examples.flights.demo import run_demo

    run_demo(_settings(context, DEMO_FLINK), features, down=down)


@app.command()
def train(context: typer.Context, down: Down = False) -> None:
    """Learn whether flights arrive late: train, learn on from the stream through a kill, judge, refuse, rebuild.

    It goes on where `headrace demo` ended, or begins from nothing; exit status 1 if a claim is wrong.

    Example: headrace demo train --down
    """
    from headrace.examples.late_flights.demo import run_learning_demo

    run_learning_demo(_settings(context, LEARNING_FLINK), down=down)


def _settings(context: typer.Context, flink: dict[str, Any]) -> Settings:
    """The settings of the demos' own home."""
    options = options_of(context)
    home = options.settings().home / "demo"
    return options.settings({"home": str(home), "project": "demo", "flink": flink, "stack": {"short_lived": True}})
