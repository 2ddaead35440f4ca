"""A crontab's line that does what is due."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from headrace.errors import SettingsError
from headrace.features.duration import UNITS_US, parse_duration

#: How often cron can look, and how it says so: in steps that divide the hour, or the day.
MINUTES = {minutes: f"*/{minutes} * * * *" for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)}
HOURS = {60 * hours: f"0 */{hours} * * *" for hours in (1, 2, 3, 4, 6, 8, 12)}
STEPS = {**MINUTES, **HOURS, 24 * 60: "0 0 * * *"}


def cron_times(look: str) -> str:
    """The five fields of a crontab that mean so often. SettingsError for what cron cannot say.

    >>> cron_times("5m"), cron_times("2h"), cron_times("1d")
    ('*/5 * * * *', '0 */2 * * *', '0 0 * * *')
    """
    minutes, rest = divmod(parse_duration(look), UNITS_US["m"])
    if rest or minutes not in STEPS:
        known = ", ".join(f"{one}m" for one in MINUTES) + ", " + ", ".join(f"{one // 60}h" for one in HOURS)
        msg = f"look {look!r}: cron looks at minutes that divide the hour or the day evenly: {known} or 1d"
        raise SettingsError(msg)
    return STEPS[minutes]


def crontab_line(look: str, folder: Path, file: Path, name: str, log: Path, python_path: str = "") -> str:
    """The line for a file's training: each look in a process of its own, which tells its decisions to a log.

    Args:
        folder: where the settings are.
        name: which training of the file; empty: the only one.
        log: appended to; relative to the folder.
        python_path: where Python looks for modules besides, as `PYTHONPATH` says it; cron has no variables of a shell.
    """
    chosen = ["--name", name] if name else []
    program = [str(Path(sys.executable).with_name("headrace")), "schedule", "run", str(file.resolve()), *chosen]
    place = shlex.quote(str(folder.resolve()))
    modules = f"PYTHONPATH={shlex.quote(python_path)} " if python_path else ""
    command = f"cd {place} && mkdir -p {shlex.quote(str(log.parent))} && {modules}{shlex.join(program)}"
    # cron itself takes a percent sign for the end of the command.
    return f"{cron_times(look)} {command} >> {shlex.quote(str(log))} 2>&1".replace("%", r"\%")
