"""Which tiles may be gone: to the microsecond, because a tile that is gone makes a count wrong."""

from __future__ import annotations

import pytest

from headrace.compiler.plan import TileGroup
from headrace.compiler.tiles import HOUR_US, Slice
from headrace.compiler.window_slices import Instant, deleted_levels

RETENTION_US = 3 * HOUR_US
GROUP = TileGroup("0a1b2c3d", (), None, (HOUR_US,), (), (RETENTION_US,))


@pytest.mark.parametrize(("now_us", "deleted"), [(-1, []), (0, [HOUR_US])])
def test_a_tile_is_gone_when_its_retention_after_its_end_is_over(now_us: int, deleted: list[int]) -> None:
    slices = [Slice(HOUR_US, 5 * HOUR_US, 7 * HOUR_US)]
    end_of_first_us = 6 * HOUR_US
    instant = Instant(7 * HOUR_US, end_of_first_us + RETENTION_US + now_us, is_now=False)
    assert list(deleted_levels(slices, GROUP, instant)) == deleted


def test_what_is_kept_for_ever_is_never_gone() -> None:
    group = TileGroup("0a1b2c3d", (), None, (HOUR_US,), (), (None,))
    assert not list(deleted_levels([Slice(HOUR_US, 0, HOUR_US)], group, Instant(HOUR_US, 2**62, is_now=False)))
