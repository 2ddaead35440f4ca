"""Tells the story of learning on the stack that the main job's demo has left, or on one of its own."""

from __future__ import annotations

from headrace.runtime.progress import Progress
from headrace.runtime.settings import Settings
from headrace.runtime.stack.plan import FLINK, ICEBERG
from headrace.runtime.stack.stack import Stack

_NEXT = """
The stack is still running. Try:
  export HEADRACE__HOME={home} HEADRACE__PROJECT=demo
  headrace model list
  headrace model history late_flights
  headrace model lineage late_flights@champion
  headrace learn status
  headrace stack down --erase"""


def run_learning_demo(settings: Settings, *, down: bool = False) -> None:
    """Run the demo of learning in the home of `settings`.

    It reads the archive that the main job's demo has left there. Where none is, or something was learned there already,
    it begins from nothing.

    Args:
        settings: their home is the demo's own.
        down: stop the stack at the end instead of leaving it running.

    Raises:
        DemoError: an assertion does not hold; the stack is left as it is, to be looked at.
    """
    progress, stack = Progress(), Stack(settings)
    if not _has_fresh_archive(settings, stack):
        stack.down(erase=True)
        settings.registry_file.unlink(missing_ok=True)
    stack.start((FLINK, ICEBERG))
    # Flink starts meanwhile: the story's libraries take seconds to load.
    from headrace.examples.late_flights.story import LearningStory

    LearningStory(progress, stack).tell()
    progress.line("everything holds")
    if down:
        stack.down()
    else:
        progress.line(_NEXT.format(home=settings.home))


def _has_fresh_archive(settings: Settings, stack: Stack) -> bool:
    """Whether Flink runs there, beside the archive of a whole river that nobody has learned from."""
    flink = stack.record().services.get(FLINK)
    if flink is None or not flink.is_running():
        return False
    from headrace.connectors.iceberg import IcebergCatalog
    from headrace.examples.flights.events import RECORDS
    from headrace.training.models.store import ModelStore

    iceberg = stack.connected_settings().iceberg
    catalog = IcebergCatalog(iceberg.catalog, iceberg.properties)
    if ModelStore.at(settings).models() or not catalog.has_table("raw", "flight_events"):
        return False
    return catalog.load("raw", "flight_events").row_count() >= RECORDS
