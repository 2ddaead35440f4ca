"""`headrace demo`: the main job on the real stack and real data, with every claim asserted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.jobs.options import options_of

# A replay of a year in minutes wants few writes for a tile rather than fresh ones: as many as there are checkpoints.
DEMO_FLINK = {"configuration": {"table.exec.mini-batch.allow-latency": "5 s"}}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def demo(
    context: typer.Context,
    features: Annotated[
        Path | None, typer.Option(help="Another feature file over the flights.", show_default="the example's")
    ] = None,
    down: Annotated[bool, typer.Option("--down", help="Stop the stack at the end.")] = False,
) -> None:
    """Run the main job end to end: history, cutover, two kills, ledger, online values; exit status 1 if one is wrong.

    It runs on a local stack of its own, in the folder `demo` of the home, from nothing.

    Example: headrace demo --down
    """
    from headrace.examples.flights.demo import run_demo

    options = options_of(context)
    home = options.settings().home / "demo"
    flags = {"home": str(home), "project": "demo", "flink": DEMO_FLINK, "stack": {"short_lived": True}}
    run_demo(options.settings(flags), features, down=down)
