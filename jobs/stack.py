"""`headrace stack`: the local stack."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import coloured, print_rows, progress

if TYPE_CHECKING:
    from headrace.runtime.stack.record import ServiceRecord
    from headrace.runtime.stack.stack import Event, Stack

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

#: How often followed logs are looked at.
FOLLOW_S = 0.25
MIB = 1024 * 1024


@app.callback()
def stack() -> None:
    """Run Kafka, Cassandra and Flink on this machine.

    Example: headrace stack up
    """


@app.command()
def up(
    context: typer.Context,
    only: Annotated[str, typer.Option(help="Services, with commas between: kafka, cassandra, flink, iceberg.")] = "",
) -> None:
    """Start the local stack and wait until every service works; what runs already is only checked.

    Example: headrace stack up --only kafka,flink
    """
    from headrace.runtime.stack.plan import SERVICES

    names = [name.strip() for name in only.split(",") if name.strip()] or SERVICES
    _stack(context).up(names, on_event=_tell)


@app.command()
def down(
    context: typer.Context,
    erase: Annotated[bool, typer.Option("--erase", help="Remove data, logs and checkpoints too.")] = False,
) -> None:
    """Stop the local stack; its data stays unless it is erased.

    Example: headrace stack down --erase
    """
    if not _stack(context).down(erase=erase, on_event=_tell):
        progress("nothing was running")


@app.command()
def status(context: typer.Context, format_: FormatOption = None) -> None:
    """List processes, addresses, memory and restarts; exit status 1 when something that was started does not run.

    Example: headrace stack status --format json
    """
    services = _stack(context).record().services
    rows = [row for name, service in services.items() for row in _rows(name, service)]
    if not rows:
        progress("the local stack is down; `headrace stack up` starts it")
    print_rows(rows, options_of(context).chosen(format_))
    if not rows or any(row["state"] != "running" for row in rows):
        raise typer.Exit(1)


@app.command()
def logs(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="kafka, cassandra or flink; all without it.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing what is written.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines of each log to begin with.")] = 20,
) -> None:
    """Print the end of the logs.

    Example: headrace stack logs flink -f
    """
    from headrace.runtime.stack.process import tail

    files = _stack(context).log_files(service or None)
    for file in files:
        for line in tail(file, lines):
            typer.echo(f"{file.stem} | {line}")
    if follow:
        for text in _followed(files):
            typer.echo(text)


def _stack(context: typer.Context) -> Stack:
    from headrace.runtime.stack.stack import Stack

    return Stack(options_of(context).settings())


def _tell(event: Event) -> None:
    detail = f"  {event.detail}" if event.detail else ""
    progress(f"{event.elapsed_s:6.1f} s  {event.service:<10} {coloured(event.state)}{detail}")


def _rows(name: str, service: ServiceRecord) -> Iterator[dict[str, Any]]:
    if not service.processes:
        yield _row(name, name, service.state, {"address": service.error})
    for process, found in service.processes.items():
        state = service.state if found.identity.is_running() else "down"
        more = {
            "pid": found.identity.pid,
            "memory_mib": found.identity.memory_bytes() // MIB,
            "restarts": found.restarts,
            "address": _address(service),
        }
        yield _row(name, process, state, more)


def _row(service: str, process: str, state: str, more: dict[str, Any]) -> dict[str, Any]:
    blank = dict.fromkeys(("pid", "memory_mib", "restarts", "address"))
    return {"service": service, "process": process, "state": state, **blank, **more}


def _address(service: ServiceRecord) -> str | None:
    """The first address among the settings by which the service is reached."""
    for values in service.settings.values():
        found = values.get("bootstrap_servers") or values.get("rest_address") or values.get("contact_points")
        return found if isinstance(found, str) else ",".join(found)
    return None


def _followed(files: list[Path]) -> Iterator[str]:
    """New lines of the files as they are written; ends only with the process."""
    ends = {file: file.stat().st_size for file in files if file.is_file()}
    while True:
        for file, end in ends.items():
            with file.open(encoding="utf-8", errors="replace") as open_file:
                # A log that was set aside at a restart begins again.
                open_file.seek(end if file.stat().st_size >= end else 0)
                yield from (f"{file.stem} | {line.rstrip()}" for line in open_file)
                ends[file] = open_file.tell()
        time.sleep(FOLLOW_S)
