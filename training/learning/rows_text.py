"""What rows are, in words that a version can keep."""

from __future__ import annotations

import hashlib

from headrace.registry.model_facts import LONGEST_ROWS


def rows_text(text: str) -> str:
    """What rows are, in as many characters as a version keeps; of a longer text its beginning and its SHA-256.

    >>> rows_text("raw.trips@7 where trip < 9"), len(rows_text("raw.trips@7 where " + "line != 'a' and " * 100))
    ('raw.trips@7 where trip < 9', 200)
    """
    if len(text) <= LONGEST_ROWS:
        return text
    end = f"... sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return text[: LONGEST_ROWS - len(end)] + end
