"""Random events of the every-aggregate example, and what each feature must be, computed row by row."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from typing import Any

from headrace.compiler.fold import fold
from headrace.compiler.tiles import Slice
from headrace.compiler.window_slices import Instant, slices_of

Row = dict[str, Any]
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
#: 2024-03-01 00:00 UTC in µs.
BASE = 1_709_251_200 * SECOND
LATENESS = 2 * HOUR
#: Far enough back for a lifetime to need its coarsest tiles.
YEARS = 2_500 * DAY
EARLIEST = 946_684_800 * SECOND
STATUSES = ["paid", "failed", "it's open"]


def event(random_: random.Random, offset: int) -> Row:
    """One row of the archive, mostly good; times crowd around edges of tiles and windows."""
    edge = BASE - random_.choice(
        [0, 5 * MINUTE, HOUR, 90 * MINUTE, 3 * DAY, 20 * DAY, random_.randrange(25 * DAY), YEARS]
    )
    us = edge + random_.choice([-1, 0, 0, 1, random_.randrange(HOUR)])
    row: Row = {
        "shop": random_.choice(["a", "a", "b", ""]),
        "customer": random_.choice([1, 2, 3, -(2**63)]),
        "status": random_.choice(STATUSES),
        "cents": random_.choice([0, -5, 100, 250, 10**6]),
        "weight": random_.choice([None, 0.0, 0.5, 1.25, 1e3]),
        "express": random_.random() < 0.5,
        "ordered_at": us,
        "_src_topic": "orders",
        "_src_partition": random_.randrange(2),
        "_src_offset": offset,
        "_src_timestamp": us + random_.choice([0, MINUTE, LATENESS, LATENESS + 1]),
        "_raw": None,
        "_error": None,
    }
    row.update(random_.choice([{}] * 10 + FAULTS))
    return row


FAULTS: list[Row] = [
    {"shop": None},
    {"customer": None},
    {"status": "stolen"},
    {"weight": math.nan},
    {"weight": -math.inf},
    {"cents": None},
    {"ordered_at": EARLIEST - 1},
    {"ordered_at": None},
    {"ordered_at": BASE + 30 * DAY},
    {"_error": "no JSON", "shop": None, "_raw": b"{"},
    {"_src_timestamp": None},
]


def events(seed: int, n: int = 400) -> list[Row]:
    """Seeded rows."""
    random_ = random.Random(seed)
    return [event(random_, offset) for offset in range(n)]


def verdict(row: Row) -> str:
    """What becomes of a row."""
    required = ("shop", "status", "cents", "express", "ordered_at", "_src_timestamp", "customer")
    if row["_error"] or any(row[name] is None for name in required) or row["status"] not in STATUSES:
        return "dead_letter"
    if row["weight"] is not None and not math.isfinite(row["weight"]):
        return "dead_letter"
    if row["ordered_at"] < EARLIEST or row["ordered_at"] > row["_src_timestamp"] + DAY:
        return "dead_letter"
    return "late" if row["ordered_at"] < row["_src_timestamp"] - LATENESS else "accepted"


def density(row: Row) -> float | None:
    """`weight / cents`."""
    return None if row["weight"] is None or row["cents"] == 0 else row["weight"] / row["cents"]


def fee(row: Row) -> int:
    """What an order costs to handle."""
    return row["cents"] * 2 + 5 if row["express"] else row["cents"] - 1


def is_failed(row: Row) -> bool:
    """The filter of the numerator of `failed_share`."""
    return bool(row["status"] == "failed")


def is_heavy(row: Row) -> bool:
    """The filter of the numerator of `heavy_share_ever`."""
    return (row["weight"] or 0) > 1


def shares(row: Row) -> tuple[int, int]:
    """What `failed_share` sums in its numerator and its denominator: a count is never NULL."""
    return int(is_failed(row)), 1


def heavy_cents(row: Row) -> tuple[int | None, int]:
    """What `heavy_share_ever` sums in its numerator and its denominator: a sum without a row is NULL."""
    return row["cents"] if is_heavy(row) else None, row["cents"]


def is_priced(row: Row) -> bool:
    """The filter of `express_fee`."""
    return row["weight"] is None or (density(row) or 0) > 0.001


def is_paid(row: Row) -> bool:
    """The filter of `paid_density`."""
    return row["status"] in {"paid", "it's open"} and row["cents"] >= 0


def everything(row: Row) -> bool:
    """No filter."""
    return True


def of(name: str) -> Callable[[Row], Any]:
    """A column."""
    return lambda row: row[name]


Side = tuple[Callable[[Row], bool], Callable[[Row], Any]]
Spec = tuple[tuple[str, ...], Callable[[Row], bool], Callable[[Row], Any], str, int | None, int]
SHOP, CUSTOMER = ("shop",), ("customer",)
M5 = 5 * MINUTE
#: Feature to keys, filter, argument, function, window and tail tile.
SPECS: dict[str, Spec] = {
    "orders_1h": (SHOP, everything, lambda row: 1, "count", HOUR, M5),
    "orders_3d": (SHOP, everything, lambda row: 1, "count", 3 * DAY, HOUR),
    "orders_1h_lag_1d": (SHOP, everything, lambda row: 1, "count", HOUR, M5),
    "orders_20d": (SHOP, everything, lambda row: 1, "count", 20 * DAY, DAY),
    "weighed_1h": (SHOP, everything, of("weight"), "count", HOUR, M5),
    "revenue_90m": (SHOP, everything, of("cents"), "sum", 90 * MINUTE, M5),
    "revenue_20d": (SHOP, everything, of("cents"), "sum", 20 * DAY, DAY),
    "revenue_90m_lag_7m": (SHOP, everything, of("cents"), "sum", 90 * MINUTE, M5),
    "revenue_3d_lag_17d": (SHOP, everything, of("cents"), "sum", 3 * DAY, HOUR),
    "mean_weight_3d": (SHOP, everything, of("weight"), "mean", 3 * DAY, HOUR),
    "mean_cents_3d": (SHOP, everything, of("cents"), "mean", 3 * DAY, HOUR),
    "least_cents_1h": (SHOP, everything, of("cents"), "min", HOUR, M5),
    "newest_order_1h": (SHOP, everything, of("ordered_at"), "max", HOUR, M5),
    "weight_std_3d": (SHOP, everything, of("weight"), "std", 3 * DAY, HOUR),
    "weight_var_3d": (SHOP, everything, of("weight"), "var", 3 * DAY, HOUR),
    "first_weight_1h": (SHOP, everything, of("weight"), "first", HOUR, M5),
    "first_weight_3d": (SHOP, everything, of("weight"), "first", 3 * DAY, HOUR),
    "first_status_20d": (SHOP, everything, of("status"), "first", 20 * DAY, DAY),
    "last_weights_1h": (SHOP, everything, of("weight"), "last_n:3", HOUR, M5),
    "last_weights_3d": (SHOP, everything, of("weight"), "last_n:3", 3 * DAY, HOUR),
    "last_statuses_20d": (SHOP, everything, of("status"), "last_n:5", 20 * DAY, DAY),
    "last_cents_ever": (CUSTOMER, everything, of("cents"), "last_n:2", None, M5),
    "last_express_1h": (SHOP, everything, of("express"), "last_n:100", HOUR, M5),
    "customers_3d": (SHOP, everything, of("customer"), "count_distinct", 3 * DAY, HOUR),
    "middle_weight_3d": (SHOP, everything, of("weight"), "quantile:0.5", 3 * DAY, HOUR),
    "dear_cents_1h": (SHOP, everything, of("cents"), "quantile:0.99", HOUR, M5),
    "dear_cents_20d": (SHOP, everything, of("cents"), "quantile:0.99", 20 * DAY, DAY),
    "cents_spread_ever": (CUSTOMER, everything, of("cents"), "quantiles:0,0.25,0.700001,1", None, M5),
    "top_statuses_3d": (SHOP, everything, of("status"), "top_k:2", 3 * DAY, HOUR),
    "top_statuses_20d": (SHOP, everything, of("status"), "top_k:2", 20 * DAY, DAY),
    "top_cents_1h": (SHOP, everything, of("cents"), "top_k:3", HOUR, M5),
    "top_express_ever": (CUSTOMER, everything, of("express"), "top_k:100", None, M5),
    "last_weight_1h": (SHOP, everything, of("weight"), "last", HOUR, M5),
    "last_weight_3d_lag_1s": (SHOP, everything, of("weight"), "last", 3 * DAY, HOUR),
    "last_status": (CUSTOMER, everything, of("status"), "last", None, M5),
    "orders_ever": (CUSTOMER, everything, lambda row: 1, "count", None, M5),
    "revenue_ever": (CUSTOMER, everything, of("cents"), "sum", None, M5),
    "weight_mean_ever": (CUSTOMER, everything, of("weight"), "mean", None, M5),
    "weight_var_ever": (CUSTOMER, everything, of("weight"), "var", None, M5),
    "least_weight_ever": (CUSTOMER, everything, of("weight"), "min", None, M5),
    "shops_ever": (CUSTOMER, everything, of("shop"), "count_distinct", None, M5),
    "first_shop": (CUSTOMER, everything, of("shop"), "first", None, M5),
    "express_fee_1h": (SHOP, is_priced, fee, "sum", HOUR, M5),
    "failed_share_1h": (SHOP, everything, shares, "ratio", HOUR, M5),
    "failed_share_3d": (SHOP, everything, shares, "ratio", 3 * DAY, HOUR),
    "failed_share_3d_lag_17d": (SHOP, everything, shares, "ratio", 3 * DAY, HOUR),
    "cents_by_weight_1h": (SHOP, everything, lambda row: (row["cents"], row["weight"]), "ratio", HOUR, M5),
    "heavy_share_ever": (CUSTOMER, everything, heavy_cents, "ratio", None, M5),
    "paid_density_3d": (("customer", "express"), is_paid, density, "max", 3 * DAY, HOUR),
}
#: As `SPECS` the features of `filtered.py`.
FILTERED: dict[str, Spec] = {
    "heavy_orders_3d": (("shop", "express"), is_heavy, lambda row: 1, "count", 3 * DAY, HOUR),
    "failed_cents_3d": (("shop", "express"), is_failed, of("cents"), "sum", 3 * DAY, HOUR),
}


#: As `SPECS` the features of `widths.py`.
WIDTHS: dict[str, Spec] = {
    "orders_30s": (SHOP, everything, lambda row: 1, "count", 30 * SECOND, SECOND),
    "mean_weight_30s": (SHOP, everything, of("weight"), "mean", 30 * SECOND, SECOND),
    "orders_90d": (SHOP, everything, lambda row: 1, "count", 90 * DAY, DAY),
    "revenue_90d": (SHOP, everything, of("cents"), "sum", 90 * DAY, DAY),
}


def makes_known(row: Row, keys: tuple[str, ...]) -> bool:
    """Whether an accepted row makes its entity known: some feature over the same keys lets it in."""
    return any(passes(row) for of_keys, passes, *_ in {**SPECS, **FILTERED}.values() if of_keys == keys)


COUNTED = ("count", "sum", "mean", "min", "max")
SPREAD = (*COUNTED, "std", "first", "last")
#: What `NUMBERS` asks of which rows and columns: as much as one entry of a job's state can keep of its tiles.
FUNCTIONS = {
    "failed": {"cents": SPREAD, "weight": SPREAD, "express": ("last",)},
    "paid": {"cents": (*COUNTED, "var"), "weight": (*COUNTED, "var")},
}


def but_100(row: Row) -> int | None:
    """The integer of `NUMBERS` that may be missing."""
    return None if row["cents"] == 100 else row["cents"]


#: As `SPECS` the features of `numbers.py`, by the rows, function, number and window that they are named by.
NUMBERS: dict[str, Spec] = {
    f"{rows}_{function}_{number}_{window}": (keys, passes, argument, function, days * DAY or HOUR, tail)
    for rows, keys, passes, windows in (
        ("failed", SHOP, is_failed, {"1h": (0, M5), "3d": (3, HOUR)}),
        ("paid", ("customer", "express"), is_paid, {"3d": (3, HOUR), "20d": (20, DAY)}),
    )
    for number, argument in (("cents", but_100), ("weight", of("weight")), ("express", of("express")))
    for function in FUNCTIONS[rows].get(number, ())
    for window, (days, tail) in windows.items()
}
#: Filter and argument of each side of the ratios that are counts or sums of different rows or columns.
SIDES: dict[str, tuple[Side, Side]] = {
    "failed_share_1h": ((is_failed, of("status")), (everything, of("status"))),
    "failed_share_3d": ((is_failed, of("status")), (everything, of("status"))),
    "failed_share_3d_lag_17d": ((is_failed, of("status")), (everything, of("status"))),
    "cents_by_weight_1h": ((everything, of("cents")), (everything, of("weight"))),
    "heavy_share_ever": ((is_heavy, of("cents")), (everything, of("cents"))),
}
#: How long before the asked time the window of a feature ends; of all others it ends then.
LAGS = {
    "orders_1h_lag_1d": DAY,
    "revenue_90m_lag_7m": 7 * MINUTE,
    "revenue_3d_lag_17d": 17 * DAY,
    "last_weight_3d_lag_1s": SECOND,
    "failed_share_3d_lag_17d": 17 * DAY,
}


def aggregate(function: str, rows: list[Row], argument: Callable[[Row], Any]) -> Any:
    """The value of a function over rows, by design 4.3 and 4.4."""
    rows = sorted(rows, key=place)
    if function.startswith("last_n"):
        return [argument(row) for row in rows[::-1]][: int(function.removeprefix("last_n:"))] or None
    if function in {"first", "last"}:
        return argument(rows[0 if function == "first" else -1]) if rows else None
    if function == "ratio":
        sums = [aggregate("sum", rows, lambda row, side=side: argument(row)[side]) for side in (0, 1)]
        return None if sums[0] is None or not sums[1] else sums[0] / sums[1]
    values = [argument(row) for row in rows if argument(row) is not None]
    if function in {"count", "count_distinct"}:
        return len(values) if function == "count" else len(set(values))
    if function.startswith("top_k"):
        most = sorted(set(values), key=lambda value: (-values.count(value), value))
        return most[: int(function.removeprefix("top_k:"))] or None
    if function.startswith("quantile"):
        found = [quantile(values, share) for share in function.partition(":")[2].split(",")]
        return None if not values else found if function.startswith("quantiles") else found[0]
    if function in {"std", "var"}:
        return spread(function, values)
    by_name: dict[str, Callable[[list[Any]], Any]] = {"sum": added, "mean": mean, "min": min, "max": max}
    return by_name[function](values) if values else None


def added(values: list[Any]) -> Any:
    """The sum in the order of the rows; none where it is beyond the floats."""
    total = sum(values)
    return total if math.isfinite(total) else None


def mean(values: list[Any]) -> float | None:
    """The mean; none where there is no sum."""
    return None if added(values) is None else statistics.fmean(values)


def spread(function: str, values: list[Any]) -> float | None:
    """The variance or deviation of a sample; neither where the variance is beyond the floats."""
    try:
        variance = statistics.variance(values) if len(values) > 1 else None
    except OverflowError:
        return None
    return variance if function == "var" or variance is None else statistics.stdev(values)


def place(row: Row) -> tuple[int, ...]:
    """Where a row stands among all; in a union the number of its source comes before partition and offset."""
    return row["ordered_at"], row.get("_member", 0), row["_src_partition"], row["_src_offset"]


def quantile(values: list[float], share: str) -> float | None:
    """The value of rank ceil(p n), rounded as all values are; what is 2^32 times smaller than the largest is 0."""
    near = [rounded(value) for value in values]
    largest = max(map(abs, near), default=0.0)
    counted = sorted(0.0 if abs(value) <= largest / 2**32 else value for value in near)
    return counted[max(1, math.ceil(Fraction(share) * len(counted))) - 1] if counted else None


def rounded(value: float) -> float:
    """Seven binary digits of a number; of the largest the last ones that are still a float."""
    mantissa, exponent = math.frexp(value)
    digits = min(math.floor(abs(mantissa) * 128 + 0.5), 127 if exponent == 1024 else 128)
    return 0.0 if abs(value) < 2.0**-1022 else math.copysign(math.ldexp(digits, exponent - 7), value)


def expected(rows: list[Row], name: str, at_us: int, mode: str) -> dict[tuple[Any, ...], Any]:
    """A feature's value for every key seen before `at_us`."""
    keys, passes, argument, function, window, tail = (SPECS | NUMBERS | WIDTHS)[name]
    start, end = bounds(name, at_us, window, tail, mode)
    seen = at_us if mode == "exact" else at_us // finest_of(name) * finest_of(name)
    known: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if verdict(row) == "accepted" and passes(row) and row["ordered_at"] < seen:
            known.setdefault(tuple(row[key] for key in keys), []).append(row)
    return {
        key: aggregate(function, [row for row in mine if start <= row["ordered_at"] < end], argument)
        for key, mine in known.items()
    }


def finest_of(name: str) -> int:
    """The finest tile of a feature, also of one that only another file asks for."""
    return HOUR if name.startswith("paid_") else SECOND if name.endswith("_30s") else M5


def bounds(name: str, at_us: int, window: int | None, tail: int, mode: str) -> tuple[int, int]:
    """The event times that a feature's window holds: from the first, up to but without the second."""
    end = at_us - LAGS.get(name, 0)
    start = end - (2**60 if window is None else window)
    return (start, end) if mode == "exact" else (start // tail * tail, end // finest_of(name) * finest_of(name))


def micros(value: Any) -> Any:
    """An instant in µs, as the rows have it; anything else as it is."""
    return round(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value


def serve(
    rows: list[Row], plan: Any, feature: Any, keys: tuple[str, ...], passes: Any, argument: Any, at_us: int
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The cells that a read of one feature finds, by key; keys without any cell in the window have an empty list."""
    group = plan.group(feature.group)
    end = at_us // group.finest_us * group.finest_us
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for key, mine in _by_key(rows, keys, passes, end).items():
        slices = _slices(feature, group, at_us, end)
        tiles: dict[tuple[int, int], list[Row]] = {}
        for part in slices:
            for row in mine:
                if part.from_us <= row["ordered_at"] < part.to_us:
                    start = row["ordered_at"] // part.level_us * part.level_us
                    tiles.setdefault((part.level_us, start), []).append(row)
        found[key] = [fold(feature, [_position(row, argument) for row in tile]) for tile in tiles.values()]
    return found


def _by_key(rows: list[Row], keys: tuple[str, ...], passes: Any, end: int) -> dict[tuple[Any, ...], list[Row]]:
    """Accepted rows of a group before an instant, by key."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if verdict(row) == "accepted" and passes(row) and row["ordered_at"] < end:
            found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def _slices(feature: Any, group: Any, at_us: int, end: int) -> list[Slice]:
    """The slices of a window or a lifetime, or everything before `end` for an as-of value."""
    if feature.is_as_of:
        return [Slice(group.finest_us, 0, end)]
    return slices_of(feature, group, Instant(at_us, at_us, is_now=False))


def _position(row: Row, argument: Any) -> tuple[Any, int, int, int]:
    """Value and position of a row."""
    return argument(row), row["ordered_at"], row["_src_partition"], row["_src_offset"]
