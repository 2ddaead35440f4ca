"""Tells the demo's story on a stack of its own, and leaves it running to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.runtime.progress import Progress
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

if TYPE_CHECKING:
    from headrace.registry.store import Run

EXAMPLE = Path(__file__).with_name("features.py")
_NEXT = """
The stack is still running, and so is the job. Try:
  export HEADRACE__HOME={home} HEADRACE__PROJECT=demo
  headrace jobs
  headrace get-online {view}:departures_by_origin_24h {view}:departure_delay_by_origin_7d \\
      --entity origin=JFK --at 2013-12-25T00:00:00Z
  headrace ledger {run}
  headrace compile late_share_30d --file {file} --engine flink
Change a window in {file}, then `headrace backfill {file}`: a new version beside this one.
  headrace stack down --erase"""


def run_demo(settings: Settings, features: Path | None = None, *, down: bool = False) -> None:
    """Run the demo in the home of `settings`, from nothing.

    Args:
        settings: their home is the demo's own: what an earlier demo left there is erased.
        features: another feature file over the flights; None takes the example's.
        down: stop the stack at the end instead of leaving it running.

    Raises:
        DemoError: an assertion does not hold; the stack is left as it is, to be looked at.
    """
    file, progress = features or EXAMPLE, Progress()
    stack = Stack(settings)
    stack.down(erase=True)
    settings.registry_file.unlink(missing_ok=True)
    stack.start()
    # The servers start meanwhile: the story's libraries take seconds to load.
    from headrace.examples.flights.story import Story

    run = Story(progress, stack, file).tell()
    progress.line("everything holds")
    if down:
        stack.down()
    else:
        progress.line(next_steps(settings.home, file, run))


def next_steps(home: Path, file: Path, run: Run) -> str:
    """What to try on the stack that the demo leaves."""
    return _NEXT.format(home=home, view=run.view, run=run.run, file=file)
