"""Who decides in a command, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import SettingsError

if TYPE_CHECKING:
    from headrace.registry.model_states import Decision


def decision_of(reason: str, by: str, otherwise: str = "") -> Decision:
    """The decision of `by`, or of the user of this process.

    Args:
        reason: why.
        by: who; empty: the user of this process.
        otherwise: what else helps a process without a user, such as `--no-register`.

    Raises:
        SettingsError: nobody is named, and the process has no user.
    """
    from getpass import getuser

    from headrace.registry.model_states import Decision

    try:
        return Decision(by or getuser(), reason)
    except (KeyError, OSError) as error:
        ways = " or ".join(["--by NAME", *filter(None, [otherwise])])
        msg = f"this process has no user name; say who decides: {ways}"
        raise SettingsError(msg) from error
