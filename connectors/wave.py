"""Many requests at once, a bounded number under way: each answer sends the next request, on the thread that got it.

No thread waits for single answers, and nothing of a request outlives its answer: by the driver's own
`execute_concurrent`, with its timer for each request, reads took twice the processor time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

Row = tuple[Any, ...]
T = TypeVar("T")


class Response(Protocol):
    """An answer on its way, as the driver's `ResponseFuture` is; callbacks are called once for each page."""

    has_more_pages: bool

    def add_callbacks(
        self, callback: Callable[..., None], errback: Callable[..., None], callback_args: tuple[Any, ...]
    ) -> None:
        """Have one of them called: with the rows of a page and the arguments, or with the error."""

    def start_fetching_next_page(self) -> None:
        """Ask for the next page."""


class Wave(Generic[T]):
    """Requests by number: `send` starts one, `take` makes of its rows what is wanted of it.

    The result has that of each, in order, or is the first error. Rows are taken as they come, so that no more of them
    are held than are under way: what lives long is looked at again and again by the garbage collector.

    >>> Wave(lambda number: None, lambda number, rows: rows, 0, 64).wait(1.0)
    []
    """

    def __init__(
        self, send: Callable[[int], Response], take: Callable[[int, list[Row]], T], count: int, concurrency: int
    ) -> None:
        self.result: Future[list[T]] = Future()
        self._send, self._take = send, take
        self._pages: dict[int, list[Row]] = {}
        self._found: dict[int, T] = {}
        self._count = count
        self._waiting: Iterator[int] = iter(range(count))
        # By number until they are answered: an answer whose callback held it would be left to the garbage collector.
        self._under_way: dict[int, Response] = {}
        self._lock = Lock()
        if not count:
            self.result.set_result([])
        for _ in range(min(count, concurrency)):
            self._next()

    def wait(self, silence_s: float) -> list[T]:
        """What was made of each answer. Raises the first error; TimeoutError when none comes for so long.

        One clock for the whole wave: the driver keeps a timer of each request, and with it the request, until its time
        is over, however soon the answer was there.
        """
        while True:
            before = len(self._found)
            try:
                return self.result.result(silence_s)
            except TimeoutError:
                if self.result.done():
                    return self.result.result()
                self._end_if_silent(before, silence_s)

    async def wait_async(self, silence_s: float) -> list[T]:
        """The same without holding up the event loop."""
        result = asyncio.wrap_future(self.result)
        while True:
            before = len(self._found)
            done, _ = await asyncio.wait([result], timeout=silence_s)
            if done:
                return result.result()
            self._end_if_silent(before, silence_s)

    def _end_if_silent(self, before: int, silence_s: float) -> None:
        """Fail unless an answer has come since; nothing more is sent then."""
        if len(self._found) == before:
            self._fail(TimeoutError(f"no answer for {silence_s:g} s"))

    def _next(self) -> None:
        """Send one more request, unless all are sent or one has failed."""
        number = None if self.result.done() else next(self._waiting, None)
        if number is None:
            return
        try:
            response = self._under_way[number] = self._send(number)
        except Exception as error:
            self._fail(error)
            return
        response.add_callbacks(self._page, self._fail, callback_args=(number,))

    def _page(self, rows: list[Row] | None, number: int) -> None:
        """Take a page of an answer, None of a write; after the last one, go on with another request."""
        if self._under_way[number].has_more_pages:
            self._pages.setdefault(number, []).extend(rows or ())
            self._under_way[number].start_fetching_next_page()
            return
        del self._under_way[number]
        self._next()
        try:
            self._end(number, [*self._pages.pop(number, ()), *(rows or ())])
        except Exception as error:
            self._fail(error)

    def _end(self, number: int, rows: list[Row]) -> None:
        """Note a whole answer; the last one is the end of the wave."""
        taken = self._take(number, rows)
        with self._lock:
            self._found[number] = taken
            if len(self._found) == self._count and not self.result.done():
                self.result.set_result([self._found[each] for each in range(self._count)])

    def _fail(self, error: BaseException) -> None:
        """End the wave with the first error."""
        with self._lock:
            if not self.result.done():
                self.result.set_exception(error)
