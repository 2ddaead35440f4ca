"""`headrace model rebuild`: a version made again from what is stored, and its artifact compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.model_options import Version, store_of
from headrace.jobs.model_rows import SHORT, print_model_rows
from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import progress

if TYPE_CHECKING:
    from headrace.training.models.difference import Difference
    from headrace.training.models.rebuild import Rebuilt

#: So many differences of code or packages are named; the rest is counted.
MOST_NAMED = 5


def rebuild(
    context: typer.Context,
    version: Version,
    device: Annotated[
        str, typer.Option(help="Of a full training: auto, cpu, cuda or cuda:N; default: that on which it was trained.")
    ] = "",
    archive: Annotated[
        str, typer.Option(help="The table that archives the topic it learned from; default: as its source declared.")
    ] = "",
    file: Annotated[
        Path | None, typer.Option(help="The file that declared it, as it was: needed where its class overrides steps.")
    ] = None,
    format_: FormatOption = None,
) -> None:
    """Make a version again from its data, and compare the artifacts, byte for byte; exit status 1 when they differ.

    A version over a snapshot is trained again on it; one that a stream trained visits the same rows in the same
    micro-batches, those of a topic from its archive. An artifact that was gone or damaged is put back when the same one
    comes out.

    Example: headrace model rebuild flights@3 --file flights.py
    """
    from headrace.runtime.platform import Platform
    from headrace.training.models.rebuild import rebuild as make_again
    from headrace.training.models.store import OWN

    store = store_of(context)
    found = make_again(Platform(options_of(context).settings()), store, version, device, archive, file)
    for section in ("code", OWN, "environment"):
        _warn(section, [one for one in found.changed if one.section == section])
    if not found.is_same:
        _tell_differences(context, found, format_)
        raise typer.Exit(1)
    progress(f"rebuilt {found.version.name}: same artifact {found.artifact[:SHORT]}")
    if found.lost:
        store.artifacts.put(found.files)
        progress(f"its files are put back: {found.lost}")


def _warn(section: str, changed: Sequence[Difference]) -> None:
    """Say that other code or packages made the version."""
    if not changed:
        return
    named = ", ".join(f"{one.name} {_short(one.left)}, here {_short(one.right)}" for one in changed[:MOST_NAMED])
    more = f", and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    progress(f"warning: made with other {section}: {named}{more}")


def _short(value: object) -> str:
    """A version of a package, or the first digits of a hash."""
    return "none" if value is None else str(value)[:SHORT]


def _tell_differences(context: typer.Context, found: Rebuilt, format_: FormatOption) -> None:
    rows = [
        {"file": one.section, "name": one.name, "stored": one.left, "rebuilt": one.right} for one in found.differences
    ]
    print_model_rows(rows, options_of(context).chosen(format_))
    was, is_ = found.version.facts.artifact[:SHORT], found.artifact[:SHORT]
    progress(f"rebuilt {found.version.name}: expected artifact {was}, found {is_}")
    if found.lost:
        progress(f"what differs cannot be told: {found.lost}")
