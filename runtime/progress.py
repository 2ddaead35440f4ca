"""Progress of long work, on stderr: a moving line on a terminal, plain lines at a bearable rate elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

# Where lines cannot be overwritten (a log, CI), one every five seconds shows life without drowning the rest.
PLAIN_INTERVAL_S = 5.0
# A terminal is redrawn at most ten times a second: faster than that cannot be read.
LIVE_INTERVAL_S = 0.1
ERASE_LINE = "\r\x1b[2K"


def rate(count: int, seconds: float) -> str:
    """A rate that can be read at a glance.

    >>> rate(45_000, 3.0), rate(12, 3.0), rate(5, 0.0)
    ('15.0k/s', '4/s', '-')
    """
    if seconds <= 0:
        return "-"
    found = count / seconds
    return f"{found / 1000:.1f}k/s" if found >= 1000 else f"{found:.0f}/s"


def bounded(done: int, total: int, seconds: float) -> str:
    """Progress of work whose end is known: share, counts, rate and time left.

    >>> bounded(5_000, 20_000, 2.0)
    '25% 5,000/20,000 rows 2.5k/s, 6 s left'
    """
    share = 100 * done // total if total else 100
    left = f", {(total - done) * seconds / done:.0f} s left" if done else ""
    return f"{share}% {done:,}/{total:,} rows {rate(done, seconds)}{left}"


def unbounded(done: int, lag: int, seconds: float) -> str:
    """Progress of work without an end: rows, rate and lag, never a share.

    >>> unbounded(900, 100, 3.0)
    '900 rows 300/s, lag 100'
    """
    return f"{done:,} rows {rate(done, seconds)}, lag {lag:,}"


@dataclass
class Progress:
    """Writes steps and their progress to a stream; knows by itself whether it is a terminal."""

    out: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    _started: float = field(default_factory=time.monotonic)
    _drawn: float = 0.0
    _drawing: bool = False

    @property
    def elapsed_s(self) -> float:
        """Wall-clock seconds since this was made."""
        return time.monotonic() - self._started

    def line(self, text: str) -> None:
        """A line that stays."""
        if not self.quiet:
            self.out.write(f"{ERASE_LINE if self._drawing else ''}[{self.elapsed_s:6.1f} s] {text}\n")
            self.out.flush()
            self._drawing = False

    def update(self, text: str) -> None:
        """What is going on now; replaced by the next line."""
        live = self.out.isatty()
        if self.quiet or time.monotonic() - self._drawn < (LIVE_INTERVAL_S if live else PLAIN_INTERVAL_S):
            return
        self._drawn = time.monotonic()
        if live:
            self.out.write(f"{ERASE_LINE}[{self.elapsed_s:6.1f} s] {text}")
            self.out.flush()
            self._drawing = True
        else:
            self.line(text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step with a beginning and, unless it raises, an end with the seconds it took."""
        begun = time.monotonic()
        self.update(f"{title} ...")
        yield
        self.line(f"{title}: {time.monotonic() - begun:.1f} s")
