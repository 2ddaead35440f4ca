"""A log of what was served: JSON lines that `headrace consistency --served` compares with history later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from headrace.errors import ConnectorError
from headrace.serving.result import OnlineFeatures


def append_log(answer: OnlineFeatures, file: Path) -> None:
    """Append an answer to a log, a line for each entity row; ConnectorError when the file cannot be written.

    The lines go in one write, so that writers on a local file system may share a log.
    """
    lines = "".join(log_lines(answer)).encode()
    try:
        with file.open("ab", buffering=0) as log:
            log.write(lines)
    except OSError as error:
        msg = f"log {file}: {error}"
        raise ConnectorError(msg) from error


def log_lines(answer: OnlineFeatures) -> Iterator[str]:
    """The lines of an answer: keys, `asked_at`, `served_at`, and of each feature value, status and version."""
    columns = answer.to_dict(statuses=True, asked=True)
    for number in range(len(answer.rows)):
        row = {name: values[number] for name, values in columns.items()}
        yield json.dumps(row, default=_plain) + "\n"


def _plain(value: Any) -> str:
    """Instants in ISO 8601."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
