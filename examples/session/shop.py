"""A shop whose users come each evening with one thing in mind, which nobody but they know: generated, by a seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

#: The categories of the shop, and how often somebody has each in mind.
POPULARITY = {"shoes": 0.35, "books": 0.2, "games": 0.15, "garden": 0.12, "audio": 0.1, "kitchen": 0.08}
#: The share of views that are of what the user has in mind; the others are of what all look at.
FAITHFUL = 0.7
USERS, DAYS, SESSION_VIEWS = 100, 7, 8
#: Sessions begin within two hours of the evening, so that many are under way at once.
EVENING, EVENING_S = timedelta(hours=18), 7_200
#: Seconds between two views: a session is over within the half hour that its features look back.
GAP_S = (20, 180)
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)


def shop_views(seed: int) -> pd.DataFrame:
    """Every view in its order: `view` (a number), `user`, `category` and `at`; the taste behind it is not told."""
    random = np.random.default_rng(seed)
    shape = DAYS, USERS, SESSION_VIEWS
    taste = np.broadcast_to(_categories(random, (DAYS, USERS, 1)), shape)
    category = np.where(random.random(shape) < FAITHFUL, taste, _categories(random, shape))
    begins = random.integers(EVENING_S, size=(DAYS, USERS, 1)) + np.arange(DAYS)[:, None, None] * 86_400
    seconds = begins + random.integers(*GAP_S, size=shape).cumsum(axis=2)
    found = pd.DataFrame(
        {
            "user": np.broadcast_to(np.arange(USERS)[None, :, None], shape).ravel(),
            "category": category.ravel(),
            "at": FIRST_DAY + EVENING + pd.to_timedelta(seconds.ravel(), unit="s"),
        }
    )
    return found.sort_values(["at", "user"], ignore_index=True).rename_axis("view").reset_index()


def offered(views: pd.DataFrame) -> pd.DataFrame:
    """A row for each view and each category that it might have been of, and whether it was (`viewed`)."""
    choices = pd.DataFrame({"category": list(POPULARITY)})
    found = views.rename(columns={"category": "chosen"}).merge(choices, how="cross")
    return found.assign(viewed=found["category"] == found["chosen"]).drop(columns="chosen")


def _categories(random: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.str_]:
    return random.choice(list(POPULARITY), size=shape, p=list(POPULARITY.values()))
