"""`headrace model`: versions of models, where they come from, what they passed, and which of them serves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headrace.errors import SettingsError
from headrace.jobs.deciding import decision_of
from headrace.jobs.model_gates import admit, verify
from headrace.jobs.model_options import By, Reason, Version, store_of
from headrace.jobs.model_rebuild import rebuild
from headrace.jobs.model_rows import (
    candidate_row,
    move_rows,
    order_of,
    print_model_rows,
    print_moves,
    status_document,
    status_row,
    version_row,
)
from headrace.jobs.options import Format, FormatOption, instant, options_of
from headrace.jobs.output import progress

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Model = Annotated[str, typer.Argument(help="A model, as `headrace model list` shows it.")]
#: What `--expect` says of a model that has no champion yet.
NONE = "none"


@app.callback()
def model() -> None:
    """Versions of models: where they come from, what they passed, and which one serves.

    Example: headrace model show flights@champion
    """


@app.command(name="list")
def list_(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Only this model.")] = "",
    candidates: Annotated[bool, typer.Option("--candidates", help="Checkpoints of trainers instead.")] = False,
    format_: FormatOption = None,
) -> None:
    """List versions, newest first, or the candidates that trainers left.

    Example: headrace model list flights --candidates
    """
    from headrace.training.models.store import status_in

    store = store_of(context)
    rows: list[dict[str, Any]] = []
    for name in [model] if model else store.models():
        if candidates:
            rows += [candidate_row(one) for one in store.candidates(name)]
        else:
            # Versions first: the life that is read after them knows each, also when one is registered in between.
            versions = store.versions(name)
            life = store.history(name)
            rows += [status_row(status_in(life, one)) for one in reversed(versions)]
    if not rows:
        progress(f"no {'candidates' if candidates else 'versions'} of models in this project")
    print_model_rows(rows, options_of(context).chosen(format_))


@app.command()
def show(context: typer.Context, version: Version, format_: FormatOption = None) -> None:
    """Show what a version was made of, how it did, and what moved it.

    Example: headrace model show flights@champion
    """
    document = status_document(store_of(context).status(version))
    chosen = options_of(context).chosen(format_)
    if chosen is Format.JSON:
        print_model_rows([document], chosen)
        return
    moves = document.pop("moves")
    print_model_rows([{"fact": name, "value": value} for name, value in document.items()], chosen)
    typer.echo("")
    print_moves(moves, chosen)


@app.command()
def diff(
    context: typer.Context,
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A version.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="Another version.")],
    format_: FormatOption = None,
) -> None:
    """Show what differs between two versions: data, features, code, packages, parameters and metrics.

    Example: headrace model diff flights@2 flights@champion
    """
    found = store_of(context).diff(left, right)
    if not found:
        progress(f"{left} and {right} do not differ")
    rows = [{"section": one.section, "name": one.name, "left": one.left, "right": one.right} for one in found]
    print_model_rows(rows, options_of(context).chosen(format_))


@app.command()
def lineage(context: typer.Context, version: Version, format_: FormatOption = None) -> None:
    """Show a version's ancestors from the root on, with the data and code of each, and its descendants.

    Example: headrace model lineage flights@champion
    """
    found = store_of(context).lineage(version)
    relations = [*(("ancestor", one) for one in found.ancestors), ("this", found.version)]
    relations += [("descendant", one) for one in found.descendants]
    print_model_rows([{"is": is_, **version_row(one)} for is_, one in relations], options_of(context).chosen(format_))


app.command()(verify)
app.command()(admit)
app.command()(rebuild)


@app.command()
def promote(
    context: typer.Context,
    version: Version,
    reason: Reason,
    by: By = "",
    alias: Annotated[str, typer.Option(help="champion, challenger, shadow or canary.")] = "champion",
    expect: Annotated[
        str, typer.Option(help="Number of the version that you believe has the alias, or `none`; default: who has it.")
    ] = "",
) -> None:
    """Make a version the champion, or give it another alias, unless somebody else did so first.

    A champion that is still in production can be promoted again, which is how to go back.

    Example: headrace model promote flights@3 --expect 2 --reason "better on August, no slice worse"
    """
    from headrace.registry.model_states import Alias, alias_of

    store, given = store_of(context), alias_of(alias)
    model = store.version(version).model
    expected = _expected(expect) if expect else store.history(model).holder(given)
    decision = decision_of(reason, by)
    if given is Alias.CHAMPION:
        promoted = store.promote(version, expected, decision)
    else:
        promoted = store.give(version, given, expected, decision)
    progress(f"{promoted.name} is {given}; before it {'none' if expected is None else f'{model}@{expected}'} was")


@app.command()
def take(context: typer.Context, version: Version, reason: Reason, by: By = "") -> None:
    """Take challenger, shadow or canary away from the version that has it.

    Example: headrace model take flights@canary --reason "errors rose at 5 percent"
    """
    taken = store_of(context).take(version, decision_of(reason, by))
    progress(f"{taken.name} is not {version.partition('@')[2]} any more")


@app.command()
def retire(context: typer.Context, version: Version, reason: Reason, by: By = "") -> None:
    """End a version that was in production; the champion's successor must be promoted first.

    Example: headrace model retire flights@2 --reason "version 3 has served for a week"
    """
    retired = store_of(context).retire(version, decision_of(reason, by))
    progress(f"{retired.name} is retired")


@app.command()
def move(
    context: typer.Context,
    version: Version,
    state: Annotated[str, typer.Argument(help="registered, dark, rejected or retired.")],
    reason: Reason,
    by: By = "",
) -> None:
    """Let a version go into another state; a move that is not legal is refused, and the legal ones are named.

    Example: headrace model move flights@3 dark --reason "a third of the traffic, for a day"
    """
    from headrace.registry.model_states import state_of

    moved = store_of(context).move(version, state_of(state), decision_of(reason, by))
    progress(f"{moved.name} is {state}")


@app.command()
def history(
    context: typer.Context,
    model: Model,
    at: Annotated[str, typer.Option(help="What each alias named at this instant, in ISO 8601 with a zone.")] = "",
    format_: FormatOption = None,
) -> None:
    """Show all that ever moved in a model, or what served at an instant.

    Example: headrace model history flights --at 2026-11-22T12:00:00Z
    """
    store, asked = store_of(context), instant("--at", at)
    if asked is None:
        print_moves(move_rows(order_of(store.history(model))), options_of(context).chosen(format_))
        return
    served = store.served(model, asked)
    rows = [{"alias": one.value, "version": number and f"{model}@{number}"} for one, number in served.items()]
    print_model_rows(rows, options_of(context).chosen(format_))


def _expected(text: str) -> int | None:
    if text == NONE:
        return None
    if not (text.isascii() and text.isdigit()):
        msg = f"--expect {text!r}: expected the number of a version, or {NONE!r}"
        raise SettingsError(msg)
    return int(text)
