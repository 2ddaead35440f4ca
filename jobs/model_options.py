"""Options that the commands of `headrace model` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.options import options_of

if TYPE_CHECKING:
    from headrace.training.models.store import ModelStore

Version = Annotated[str, typer.Argument(metavar="VERSION", help="MODEL@NUMBER or MODEL@ALIAS, such as flights@3.")]
Reason = Annotated[str, typer.Option(help="Why; kept for whoever asks later.")]
By = Annotated[str, typer.Option(help="Who; default: the user of this process.", show_default=False)]


def store_of(context: typer.Context) -> ModelStore:
    """The store of the project that the settings name."""
    from headrace.training.models.store import ModelStore

    return ModelStore.at(options_of(context).settings())
