"""Progress of long work, on stderr: a moving line on a terminal, plain lines at a bearable rate elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

# Where lines cannot be overwritten (a log, CI), one every five seconds shows life without drowning the rest.
PLAIN_INTERVAL_S = 5.0
# A terminal is redrawn at most ten times a second: faster than that cannot be read.
LIVE_INTERVAL_S = 0.1
# Rows become visible when they are committed, every few seconds: a window of several commits.
PACE_WINDOW_S = 15.0
ERASE_LINE = "\r\x1b[2K"


@dataclass
class Pace:
    """How fast a count grows of late, so that a halt shows while it lasts and is forgotten after it.

    >>> seconds = iter([0.0, 10.0, 20.0])
    >>> pace = Pace(lambda: next(seconds))
    >>> [pace.of(count) for count in (0, 100, 400)]
    [0.0, 10.0, 30.0]
    """

    clock: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def of(self, count: int) -> float:
        """The count's growth a second over the last quarter of a minute or so, to be asked again and again."""
        now = self.clock()
        self._seen.append((now, count))
        while now - self._seen[0][0] > PACE_WINDOW_S:
            self._seen.popleft()
        begun, first = self._seen[0]
        return (count - first) / (now - begun) if now > begun else 0.0


def rate(per_s: float) -> str:
    """A rate that can be read at a glance.

    >>> rate(15_000.0), rate(4.0)
    ('15.0k/s', '4/s')
    """
    return f"{per_s / 1000:.1f}k/s" if per_s >= 1000 else f"{per_s:.0f}/s"


def bounded(done: int, total: int, per_s: float) -> str:
    """Progress of work whose end is known: share, counts, rate and, while it moves, time left.

    >>> bounded(5_000, 20_000, 2_500.0), bounded(5_000, 20_000, 0.0)
    ('25% 5,000/20,000 rows 2.5k/s, 6 s left', '25% 5,000/20,000 rows 0/s')
    """
    share = 100 * done // total if total else 100
    left = f", {(total - done) / per_s:.0f} s left" if per_s > 0 else ""
    return f"{share}% {done:,}/{total:,} rows {rate(per_s)}{left}"


def counted(done: int, total: int, per_s: float) -> str:
    """Progress of work whose end may not be known (0), or only of a part of it: `bounded` up to there, else no share.

    >>> counted(500, 2_000, 250.0), counted(500, 0, 250.0)
    ('25% 500/2,000 rows 250/s, 6 s left', '500 rows 250/s')
    """
    return bounded(done, total, per_s) if total and done <= total else f"{done:,} rows {rate(per_s)}"


def unbounded(done: int, lag: int, per_s: float) -> str:
    """Progress of work without an end: rows, rate and lag, never a share.

    >>> unbounded(900, 100, 300.0)
    '900 rows 300/s, lag 100'
    """
    return f"{done:,} rows {rate(per_s)}, lag {lag:,}"


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
