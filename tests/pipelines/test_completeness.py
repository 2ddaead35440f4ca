"""To which time a dimension has all versions: an event sees the same in all of a table that are complete to it."""

from __future__ import annotations

import random

import pytest

from headrace.features.instant import instant_of
from headrace.pipelines.completeness import complete_to

MS = 1_000
#: When a version is valid from, and when it was committed (µs).
Version = tuple[int, int]


def written(chance: random.Random, delay: int) -> list[Version]:
    """Versions that are committed before they are in effect, some long before, some in the last microsecond."""
    valid = [chance.randrange(40 * MS) for _ in range(chance.randrange(1, 12))]
    return [(since, since + delay - 1 - chance.choice([0, chance.randrange(10 * MS)])) for since in valid]


def seen(versions: list[Version], at: int, delay: int) -> int | None:
    """The time of the newest version in effect."""
    return max((since for since, _ in versions if since + delay <= at), default=None)


@pytest.mark.parametrize("seed", range(200))
def test_an_event_sees_the_same_in_every_version_of_a_table_that_is_complete_to_it(seed: int) -> None:
    chance = random.Random(seed)
    delay = chance.choice([0, 1, MS, 7 * MS])
    versions = written(chance, delay)
    times = {since + delay + step for since, _ in versions for step in (-1, 0, 1)}
    times |= {committed // MS * MS + step for _, committed in versions for step in (0, 1, MS)}
    for _, newest in versions:
        # A commit has its time in whole ms.
        until = complete_to(instant_of(newest // MS * MS), {}, delay)
        then = [one for one in versions if one[1] <= newest]
        for at in (at for at in times if at - delay <= until):
            assert seen(then, at, delay) == seen(versions, at, delay)
