"""Many requests at once, over a scripted driver: what is sent when, and how a wave ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headrace.connectors.wave import Row, Wave


class Scripted:
    """The answers to requests by number, each a list of pages or an error, given when `answer` is called."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.sent: list[int] = []
        self.open: dict[int, Pages] = {}

    def send(self, number: int) -> Pages:
        if self.answers[number] == "cannot send":
            raise OSError("no connection")
        self.sent.append(number)
        self.open[number] = Pages(self.answers[number])
        return self.open[number]

    def answer(self, number: int) -> None:
        self.open.pop(number).give()

    def answer_all(self) -> None:
        while self.open:
            self.answer(next(iter(self.open)))


class Pages:
    """One answer, given page by page."""

    def __init__(self, pages: Any) -> None:
        self.pages = pages

    @property
    def has_more_pages(self) -> bool:
        return len(self.pages) > 1

    def add_callbacks(
        self, callback: Callable[..., None], errback: Callable[..., None], callback_args: tuple[Any, ...]
    ) -> None:
        self.callback, self.errback, self.arguments = callback, errback, callback_args

    def start_fetching_next_page(self) -> None:
        self.pages = self.pages[1:]
        self.give()

    def give(self) -> None:
        if isinstance(self.pages, Exception):
            self.errback(self.pages)
        else:
            self.callback(self.pages[0], *self.arguments)


def rows_of(number: int, rows: list[Row]) -> tuple[int, list[Row]]:
    return number, rows


def test_no_more_than_the_concurrency_is_under_way_and_answers_keep_their_order() -> None:
    driver = Scripted([[[(number,)]] for number in range(5)])
    wave = Wave(driver.send, rows_of, 5, 2)
    assert driver.sent == [0, 1]
    driver.answer(1)
    assert driver.sent == [0, 1, 2]
    driver.answer_all()
    assert wave.wait(1.0) == [(number, [(number,)]) for number in range(5)]


def test_the_pages_of_an_answer_are_one_and_a_write_has_no_rows() -> None:
    driver = Scripted([[[(1,)], [(2,)], [(3,)]], [None]])
    wave = Wave(driver.send, rows_of, 2, 8)
    driver.answer_all()
    assert wave.wait(1.0) == [(0, [(1,), (2,), (3,)]), (1, [])]


@pytest.mark.parametrize("wrong", [ValueError("refused"), "cannot send"])
def test_the_first_error_ends_the_wave_and_nothing_more_is_sent(wrong: Any) -> None:
    driver = Scripted([[[]], wrong, [[]], [[]]])
    wave = Wave(driver.send, rows_of, 4, 2)
    driver.answer_all()
    with pytest.raises((ValueError, OSError), match=r"refused|no connection"):
        wave.wait(1.0)
    assert 3 not in driver.sent


def test_what_cannot_be_taken_is_the_callers_error() -> None:
    driver = Scripted([[[(0,)]]])
    wave = Wave(driver.send, lambda number, rows: 1 // rows[0][0], 1, 1)
    driver.answer_all()
    with pytest.raises(ZeroDivisionError):
        wave.wait(1.0)


def test_silence_ends_the_wave_and_slow_progress_does_not() -> None:
    silent = Scripted([[[]]] * 2)
    wave = Wave(silent.send, rows_of, 2, 1)
    with pytest.raises(TimeoutError, match="no answer for"):
        wave.wait(0.01)
    silent.answer_all()
    assert silent.sent == [0]
    with pytest.raises(TimeoutError):
        asyncio.run(Wave(silent.send, rows_of, 1, 1).wait_async(0.01))

    async def slowly() -> list[Any]:
        driver, loop = Scripted([[[]]] * 2), asyncio.get_running_loop()
        loop.call_later(0.3, driver.answer, 0)
        loop.call_later(0.6, driver.answer, 1)
        return await Wave(driver.send, rows_of, 2, 2).wait_async(0.45)

    assert len(asyncio.run(slowly())) == 2
