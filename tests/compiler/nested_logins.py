"""A view over structs, lists and dates, random rows of it, and a loop over them that says what must come out."""

# ruff: noqa: RUF012 (as users write it)
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypedDict

import ibis

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation


@dataclass(frozen=True)
class Spot:
    """Where a device was."""

    country: str
    lat: float | None = None


class Network(TypedDict):
    """How a device was connected."""

    kind: Literal["wifi", "cable"] | None
    spot: Spot | None


class Device:
    """What somebody logged in with."""

    os: str
    version: int | None
    seen: datetime | None
    bought: date | None
    network: Network | None


class Logins(Source):
    """Logins, each with the device and what is known of it."""

    history = IcebergTable("raw.logins")
    live = KafkaTopic("logins")
    unique_by = "login"
    login: int
    user: str
    device: Device
    app: Spot | None
    tags: list[str]
    scores: list[float | None] | None
    visits: list[Spot | None] | None
    birthday: date
    holidays: list[date | None] | None
    happened_at: datetime = event_time()


@transformation
def ios_logins(tx: Logins, wspec: WindowSpec):
    return tx[tx.device.os == "ios"].groupby("user").window(wspec).count()


@transformation
def versions(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.device["version"]].window(wspec).sum()


@transformation
def countries(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.device.network.spot.country].window(wspec).count_distinct()


@transformation
def unconnected(tx: Logins, wspec: WindowSpec):
    return tx[tx.device.network.isnull()].groupby("user").window(wspec).count()


@transformation
def northmost(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.device.network.spot.lat.fill_null(-90)].window(wspec).max()


@transformation
def last_seen(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.device.seen].window(wspec).max()


@transformation
def app_country(tx: Logins):
    return tx.groupby("user")[tx.app.country].last()


@transformation
def tag_count(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.tags.length()].window(wspec).sum()


@transformation
def vip_logins(tx: Logins, wspec: WindowSpec):
    return tx[tx.tags.contains("vip")].groupby("user").window(wspec).count()


@transformation
def own_tag(tx: Logins, wspec: WindowSpec):
    return tx[tx.tags.contains(tx.device.os)].groupby("user").window(wspec).count()


@transformation
def newest_tags(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.tags.join("+")].window(wspec).last_n(3)


@transformation
def last_tag(tx: Logins):
    return tx.groupby("user")[tx.tags[-1]].last()


@transformation
def first_scores(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.scores[0]].window(wspec).sum()


@transformation
def best_score(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.scores.maxs()].window(wspec).max()


@transformation
def visits(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.visits.length()].window(wspec).sum()


@transformation
def first_visits(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.visits[0].country].window(wspec).count_distinct()


@transformation
def last_visit_south(tx: Logins, wspec: WindowSpec):
    return tx[tx.visits[-1].lat < 0].groupby("user").window(wspec).count()


@transformation
def newest_device(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.device.bought].window(wspec).max()


@transformation
def used_devices(tx: Logins, wspec: WindowSpec):
    return tx[tx.happened_at.date() - tx.device.bought >= ibis.interval(days=365)].groupby("user").window(wspec).count()


@transformation
def birthday(tx: Logins):
    return tx.groupby("user")["birthday"].last()


@transformation
def birth_months(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.birthday.truncate("M")].window(wspec).count_distinct()


@transformation
def last_holiday(tx: Logins, wspec: WindowSpec):
    return tx.groupby("user")[tx.holidays.maxs()].window(wspec).max()


class NestedLogins(FeaturePipeline):
    """Features of structs, lists and dates."""

    owner = "logins@example.com"
    features = [
        ios_logins.over("1h"),
        versions.over("1h"),
        countries.over("1h"),
        unconnected.over("1h"),
        northmost.over("1h"),
        last_seen.over("1h"),
        app_country,
        tag_count.over("1h"),
        vip_logins.over("1h"),
        own_tag.over("1h"),
        newest_tags.over("1h"),
        last_tag,
        first_scores.over("1h"),
        best_score.over("1h"),
        visits.over("1h"),
        first_visits.over("1h"),
        last_visit_south.over("1h"),
        newest_device.over("1h"),
        used_devices.over("1h"),
        birthday,
        birth_months.over("1h"),
        last_holiday.over("1h"),
    ]


Row = dict[str, Any]
HOUR = 3_600_000_000
#: 2024-03-01 00:00 UTC in µs.
BASE = 1_709_251_200_000_000
DAYS = (date.min, date(1969, 12, 31), date(2023, 3, 1), date(2024, 2, 29), date.max)
WORDS = ("", "vip", "ios", "ÄÖ ü", "日本", "😀e\u0301", 'a"b', "\\", "null")


def maybe(random_: random.Random, value: Any) -> Any:
    """A value, or one time in four None."""
    return None if random_.random() < 0.25 else value


def spot(random_: random.Random) -> Row:
    """A place; its country is missing now and then, as it must not."""
    country = None if random_.random() < 0.02 else random_.choice(["CH", "Ö", "日"])
    return {"country": country, "lat": maybe(random_, random_.choice([0.0, -0.5, 47.25, 1e-300]))}


def network(random_: random.Random) -> Row:
    """A connection, sometimes of a kind that nobody knows."""
    kind = "pigeon" if random_.random() < 0.02 else maybe(random_, random_.choice(["wifi", "cable"]))
    return {"kind": kind, "spot": maybe(random_, spot(random_))}


def device(random_: random.Random, us: int) -> Row:
    """A device."""
    return {
        "os": None if random_.random() < 0.03 else random_.choice(["ios", "vip", "日本", ""]),
        "version": maybe(random_, random_.choice([0, 7, -(2**40)])),
        "seen": maybe(random_, us - random_.randrange(HOUR)),
        "bought": maybe(random_, random_.choice(DAYS)),
        "network": maybe(random_, network(random_)),
    }


def words(random_: random.Random) -> list[str | None]:
    """None to four words, one of them missing now and then."""
    found: list[str | None] = [random_.choice(WORDS) for _ in range(random_.randrange(5))]
    return [*found, None] if random_.random() < 0.04 else found


def scores(random_: random.Random) -> list[float | None]:
    """None to three numbers and NULLs, and seldom what is no number."""
    found = [random_.choice([None, 0.0, -1.5, 2.25, 1e300]) for _ in range(random_.randrange(4))]
    return [*found, random_.choice([math.nan, math.inf])] if random_.random() < 0.04 else found


def spots(random_: random.Random) -> list[Row | None]:
    """None to three places, some of them NULL, and seldom one without a number."""
    found = [maybe(random_, spot(random_)) for _ in range(random_.randrange(4))]
    return [*found, {"country": "CH", "lat": math.nan}] if random_.random() < 0.04 else found


def row(random_: random.Random, offset: int) -> Row:
    """One row of the archive, mostly good, NULL at every level."""
    us = BASE - random_.randrange(2 * HOUR)
    return {
        "login": offset,
        "user": random_.choice(["a", "b", "c"]),
        "device": None if random_.random() < 0.03 else device(random_, us),
        "app": maybe(random_, spot(random_)),
        "tags": None if random_.random() < 0.03 else words(random_),
        "scores": maybe(random_, scores(random_)),
        "visits": maybe(random_, spots(random_)),
        "birthday": None if random_.random() < 0.03 else random_.choice(DAYS),
        "holidays": maybe(random_, [maybe(random_, random_.choice(DAYS)) for _ in range(random_.randrange(4))]),
        "happened_at": us,
        "_src_topic": "logins",
        "_src_partition": 0,
        "_src_offset": offset,
        "_src_timestamp": us,
        "_raw": None,
        "_error": None,
    }


def rows(seed: int, n: int = 400) -> list[Row]:
    """Seeded rows, one in ten of them sent before."""
    random_ = random.Random(seed)
    found: list[Row] = []
    for offset in range(n):
        again = found and random_.random() < 0.1
        found.append({**random_.choice(found), "_src_offset": offset} if again else row(random_, offset))
    return found


def reason(one: Row) -> str | None:
    """What is wrong with a row first; None for a good one."""
    faults = [
        (one["device"] is None, "device is missing"),
        *device_faults(one["device"] or {"os": "", "network": None}),
        *spot_faults(one["app"], "app"),
        (one["tags"] is None, "tags is missing"),
        (None in (one["tags"] or []), "an element of tags is missing"),
        (any(not math.isfinite(n or 0) for n in one["scores"] or []), "an element of scores is no finite number"),
        *[fault for visit in one["visits"] or [] for fault in spot_faults(visit, "visits[]")],
        (any(not math.isfinite(n or 0) for n in latitudes(one)), "visits[].lat is no finite number"),
        (one["birthday"] is None, "birthday is missing"),
    ]
    return next((text for holds, text in faults if holds), None)


def verdicts(of: list[Row]) -> dict[str, int]:
    """How many rows have each verdict."""
    good = [one["login"] for one in of if reason(one) is None]
    counts = {"accepted": len(set(good)), "late": 0, "dead_letter": len(of) - len(good)}
    return {**counts, "duplicate": len(good) - len(set(good))}


def device_faults(one: Row) -> list[tuple[bool, str]]:
    """What may be wrong with a device."""
    of = one["network"] or {"kind": None, "spot": None}
    return [
        (one["os"] is None, "device.os is missing"),
        (of["kind"] == "pigeon", "device.network.kind has an unknown value"),
        *spot_faults(of["spot"], "device.network.spot"),
    ]


def spot_faults(one: Row | None, path: str) -> list[tuple[bool, str]]:
    """What may be wrong with a place."""
    return [(one is not None and one["country"] is None, f"{path}.country is missing")]


def latitudes(one: Row) -> list[float | None]:
    """Those of all visits."""
    return [visit["lat"] for visit in one["visits"] or [] if visit]


def within(one: Any, *path: str) -> Any:
    """A field of a struct, None where a struct on the way is."""
    for name in path:
        one = None if one is None else one[name]
    return one


def known(values: list[Any]) -> list[Any]:
    """The values that are not None."""
    return [value for value in values if value is not None]


def last(values: list[Any]) -> Any:
    """The newest value, if any."""
    return values[-1] if values else None


def tag(one: Row) -> Any:
    """The last tag."""
    return last(one["tags"])


def is_used(one: Row) -> bool:
    """Whether a device was bought a year before."""
    bought = one["device"]["bought"]
    happened = datetime.fromtimestamp(one["happened_at"] // 1_000_000, UTC).date()
    return bought is not None and happened - bought >= timedelta(days=365)


def best(one: Row) -> Any:
    """The best score."""
    return max(known(one["scores"] or []), default=None)


#: From the good rows of a user in the order of events, those of the last hour, to the value of each feature.
ORACLE: dict[str, Callable[[list[Row]], Any]] = {
    "ios_logins_1h": lambda of: sum(one["device"]["os"] == "ios" for one in of),
    "versions_1h": lambda of: sum(known([one["device"]["version"] for one in of])),
    "countries_1h": lambda of: len(set(known([within(one, "device", "network", "spot", "country") for one in of]))),
    "unconnected_1h": lambda of: sum(one["device"]["network"] is None for one in of),
    "northmost_1h": lambda of: max(
        -90.0 if found is None else found for found in [within(one, "device", "network", "spot", "lat") for one in of]
    ),
    "last_seen_1h": lambda of: max(known([one["device"]["seen"] for one in of])),
    "app_country": lambda of: within(of[-1], "app", "country"),
    "tag_count_1h": lambda of: sum(len(one["tags"]) for one in of),
    "vip_logins_1h": lambda of: sum("vip" in one["tags"] for one in of),
    "own_tag_1h": lambda of: sum(one["device"]["os"] in one["tags"] for one in of),
    "newest_tags_1h": lambda of: ["+".join(one["tags"]) for one in of[:-4:-1]],
    "last_tag": lambda of: tag(of[-1]),
    "first_scores_1h": lambda of: sum(known([(one["scores"] or [None])[0] for one in of])),
    "visits_1h": lambda of: sum(len(one["visits"]) for one in of if one["visits"] is not None),
    "first_visits_1h": lambda of: len({one["visits"][0]["country"] for one in of if (one["visits"] or [None])[0]}),
    "last_visit_south_1h": lambda of: sum(((last(one["visits"] or []) or {}).get("lat") or 0) < 0 for one in of),
    "newest_device_1h": lambda of: max(known([one["device"]["bought"] for one in of]), default=None),
    "used_devices_1h": lambda of: sum(map(is_used, of)),
    "birthday": lambda of: of[-1]["birthday"],
    "birth_months_1h": lambda of: len({(one["birthday"].year, one["birthday"].month) for one in of}),
    "last_holiday_1h": lambda of: max(known([day for one in of for day in one["holidays"] or []]), default=None),
    "best_score_1h": lambda of: max(known(list(map(best, of)))),
}


def expected(of: list[Row], feature: str, at_us: int) -> dict[tuple[str], Any]:
    """A feature of each user at an instant, in mode `exact`."""
    once = {one["login"]: one for one in of if reason(one) is None}
    good = sorted(once.values(), key=lambda one: one["happened_at"])
    before = [one for one in good if at_us - HOUR <= one["happened_at"] < at_us]
    return {(user,): ORACLE[feature]([one for one in before if one["user"] == user]) for user in ("a", "b", "c")}
