"""Durations of Flink's options: what Flink reads is read, and nothing else."""

from __future__ import annotations

import pytest

from headrace.errors import SettingsError
from headrace.pipelines.flink_duration import flink_text, flink_us

S = 1_000_000
READ = [
    ("10 sec", 10 * S),
    ("10 seconds", 10 * S),
    ("1 SECOND", S),
    ("1 minute", 60 * S),
    ("2min", 120 * S),
    ("3m", 180 * S),
    ("2 hours", 7_200 * S),
    (" 10 d ", 864_000 * S),
    ("10000", 10 * S),
    ("5 millis", 5_000),
    ("7 µs", 7),
    ("1500 nanos", 1),
    ("PT1M30S", 90 * S),
]


@pytest.mark.parametrize(("text", "us"), READ)
def test_what_flink_reads_is_read(text: str, us: int) -> None:
    assert flink_us(text, "an.option") == us


@pytest.mark.parametrize("text", ["", "10 us", "10 mins", "0.5 s", "-1 s", "s", "1 s s", "PT", "10:00:00"])
def test_what_flink_does_not_read_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^an\.option: .* is no duration of Flink"):
        flink_us(text, "an.option")


def test_a_duration_is_read_back() -> None:
    assert flink_us(flink_text(90 * S), "an.option") == 90 * S
