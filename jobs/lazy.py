"""Commands that are imported when they are run, so that help answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and a line of help, and imports a command's module when it runs.

    A subclass sets `modules`: for each command the module whose `app` it is (`module:name` for another name), and its
    line of help.
    """

    modules: ClassVar[Mapping[str, tuple[str, str]]] = {}
    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order in which they are declared."""
        return [*super().list_commands(ctx), *self.modules]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; while help is printed, a stand-in with its line of help."""
        if cmd_name not in self.modules:
            return super().get_command(ctx, cmd_name)
        place, line = self.modules[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=line)
        module, _, name = place.partition(":")
        app: typer.Typer = getattr(import_module(module), name or "app")
        command = get_command(app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the list without importing what is listed."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False
