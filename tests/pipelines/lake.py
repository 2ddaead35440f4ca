"""A lake with the worked example's events, and its spine: what tests of training sets share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import archive_fields
from headrace.pipelines.defined_views import view_plans
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings

from ..commands import Ended, headrace  # noqa: TID252 (commands are shared)

FEATURES = Path(__file__).with_name("deck.py")
DAY = datetime(2024, 11, 20, tzinfo=UTC)
CARDS = [("09:20", 2, 10.0), ("10:24", 2, 20.0), ("20:00", 4, 30.0)]
ADDRESSES = {1: 3, 3: 7, 5: 9}
ASKED = [("21:30", "0122", 2, 1, 0), ("21:40", "0298", 4, 1, 0), ("21:55", "7539", 6, 3, 1)]


def at(clock: str, micros: int = 0) -> datetime:
    """A time of the day."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes), microseconds=micros)


class Lake:
    """Histories of both sources, in a catalog of the test's own."""

    def __init__(self, folder: Path) -> None:
        catalog = IcebergCatalog.sqlite("lake", folder / "lake")
        (folder / "lake").mkdir()
        iceberg = {"catalog": catalog.name, "properties": dict(catalog.properties)}
        flags = {"home": str(folder / "home"), "project": "deck", "iceberg": iceberg}
        self.settings: Settings = load_settings(flags=flags, environment={}, folder=folder)
        self.platform, self.folder = Platform(self.settings), folder
        self.views = view_plans(FEATURES)
        self.payments = self._table("payments", "cards")
        self.logins = self._table("logins", "users")

    def pay(
        self, rows: Sequence[tuple[datetime, int, float]], arrived: datetime | None = None, points: int = 1
    ) -> None:
        """Append payments, arrived a second after they happened unless said otherwise."""
        paid = [{"cc_num": card, "amount": amount, "points": points, "ts": ts} for ts, card, amount in rows]
        self._append(self.payments, paid, arrived)

    def log_in(self, rows: Sequence[tuple[datetime, int, str]]) -> None:
        self._append(self.logins, [{"user_id": user, "ip": ip, "ts": ts} for ts, user, ip in rows], None)

    def pipeline(self, **options: Any) -> TrainingSetPipeline:
        return TrainingSetPipeline(self.platform, self.views, **options)

    def _table(self, name: str, view: str) -> IcebergTable:
        return self.platform.iceberg.create_table("raw", name, archive_fields(self.views[view].source.columns))

    def _append(self, table: IcebergTable, rows: list[dict[str, Any]], arrived: datetime | None) -> None:
        first = table.row_count()
        whole = [
            {
                **row,
                "_src_topic": table.name,
                "_src_partition": 0,
                "_src_offset": first + number,
                "_src_timestamp": arrived or row["ts"] + timedelta(seconds=1),
                "_raw": None,
                "_error": None,
            }
            for number, row in enumerate(rows)
        ]
        table.append(pa.Table.from_pylist(whole, schema=table.table.schema().as_arrow()))
        table.refresh()


def worked_example(folder: Path) -> Lake:
    """The worked example's events."""
    made = Lake(folder)
    made.pay([(at(clock), card, amount) for clock, card, amount in CARDS])
    made.log_in([(at("06:00"), user, f"10.0.0.{n}") for user, count in ADDRESSES.items() for n in range(count)])
    return made


def spine(**changes: Any) -> pd.DataFrame:
    columns = ["inference_ts", "tid", "cc_num", "user_id", "is_fraud"]
    frame = pd.DataFrame([(at(row[0]), *row[1:]) for row in ASKED], columns=columns)
    return frame.assign(**changes)


def values(rows: pa.Table, *names: str) -> list[Any]:
    """The values of a column, or tuples of several."""
    lists = [rows[name].to_pylist() for name in names]
    return lists[0] if len(lists) == 1 else list(zip(*lists, strict=True))


def command(lake: Lake, *arguments: str) -> Ended:
    """The command line in the lake's folder."""
    settings = {"home": str(lake.folder / "home"), "project": "deck", "iceberg": lake.settings.iceberg.model_dump()}
    (lake.folder / "headrace.yaml").write_text(json.dumps(settings))
    return headrace(*arguments, folder=lake.folder)
