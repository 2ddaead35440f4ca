"""`headrace erase`: delete an entity from the online store."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.jobs.get_online import texts_of
from headrace.jobs.options import FormatOption, options_of, store_flags
from headrace.jobs.output import print_rows, progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def erase(
    context: typer.Context,
    view: Annotated[str, typer.Argument(help="The view.")],
    entity: Annotated[list[str], typer.Option(help="A key of the entity as name=value; once for each key.")],
    store: Annotated[str, typer.Option(help="cassandra, sqlite or sqlite:PATH; default: the settings'.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is known, erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    format_: FormatOption = None,
) -> None:
    """Delete all that the online store knows of an entity, in every version and generation of a view.

    Shows by table when its newest event was, and where its newest tile begins, and asks. History, tile logs and jobs
    keep what they have of it.

    Example: headrace erase fraud_features --entity account_id=a1
    """
    from headrace.runtime.online_store import open_store
    from headrace.serving.erasure import Known, entity_tables, known_of
    from headrace.serving.erasure import erase as erased

    options = options_of(context)
    settings = options.settings(store_flags("--store", store))
    with open_store(settings) as opened:
        tables = entity_tables(opened.registry, settings.project, view, texts_of("--entity", entity))
        known = known_of(opened.tiles, tables)
        rows = [
            {"table": table.name, "last_event_time": one.last_event, "newest_tile": one.newest_tile}
            for table, one in zip(tables, known, strict=True)
        ]
        print_rows(rows, options.chosen(format_))
        if set(known) == {Known()}:
            progress(f"nothing is known of {', '.join(entity)}")
        elif not dry_run:
            yes or typer.confirm(f"Erase {', '.join(entity)} from these tables?", abort=True, err=True)
            erased(opened.tiles, tables)
