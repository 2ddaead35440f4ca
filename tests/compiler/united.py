"""The views of other tests over a union: the same rows, split over three sources with other columns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from headrace.compiler.build import plan_view
from headrace.compiler.copies import MEMBER
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.foreign import ARROW
from headrace.connectors.schema import archive_fields
from headrace.features.load import load_views
from headrace.pipelines.source_rows import archives, unite

from .events import LATENESS, Row

HERE = Path(__file__).parent
TILLS, WEBSITE, PHONE = range(3)
SOURCES = ("Tills", "Website", "Phone")
#: What a source says to have rows that are unique by their number.
ID = '    unique_by = "number"\n    number: str\n'


def united(file: str, view: str, ids: Sequence[str] = ()) -> ViewPlan:
    """A view of a file in this folder, over the union instead of its own source; these classes have ids."""
    text = (HERE / f"{file}.py").read_text(encoding="utf-8")
    head, features = text[: text.index("class Orders(")], text[text.index("\n\n\n@transformation") :]
    named = {part.split("(", 1)[0]: part for part in _classes().split("\n\n\nclass ")}
    classes = [f"class {part}".replace("    number: str\n", ID, name in ids) for name, part in named.items()]
    if "    customer: int\n" in text:
        classes = [one.replace("customer: int | None", "customer: int") for one in classes]
    imports = head.replace("import FeaturePipeline", "import Union, filled_by, FeaturePipeline")
    whole = "\n\n\n".join([imports, *classes]) + features
    with TemporaryDirectory() as folder:
        place = Path(folder) / "united.py"
        place.write_text(whole, encoding="utf-8")
        return plan_view(load_views(place).views[view])


def _classes() -> str:
    """The sources and the union, without the word `class` before the first."""
    text = (HERE / "united_orders.py").read_text(encoding="utf-8")
    return text[text.index("class Tills(") : text.index("\n\n\n@transformation")].removeprefix("class ")


@dataclass(frozen=True)
class Split:
    """Rows, each with the number of its source, and for each source its rows as its archive has them."""

    rows: list[Row]

    @classmethod
    def of(cls, rows: Sequence[Row], seed: int) -> Split:
        """Rows split at random; the phone knows few of them."""
        random_ = random.Random(seed)
        return cls([{**row, "_member": random_.choice(_knowing(row))} for row in rows])

    @property
    def in_one(self) -> list[Row]:
        """The rows of one source that orders them as the union does."""
        return [{**row, "_src_partition": row["_member"] * MEMBER + row["_src_partition"]} for row in self.rows]

    def archive(self, number: int) -> list[Row]:
        """The rows of one source, under its own columns."""
        return [OWN[number](row) for row in self.rows if row["_member"] == number]

    def tables(self, source: SourcePlan) -> list[pa.Table]:
        """The archive of each source."""
        return [
            pa.Table.from_pylist(self.archive(number), schema=_schema(part)) for number, part in enumerate(source.parts)
        ]

    def connect(self, plan: ViewPlan) -> duckdb.DuckDBPyConnection:
        """A database with all rows as `archive`."""
        connection = in_utc()
        for name, table in zip(archives(plan.source), self.tables(plan.source), strict=True):
            connection.register(name, table)
        unite(connection, plan.source)
        return connection


def _knowing(row: Row) -> list[int]:
    """The sources that can have a row."""
    by_phone = row["status"] == "paid" and row["express"] is False
    return [TILLS, WEBSITE, PHONE] if by_phone else [TILLS, WEBSITE]


def _schema(source: SourcePlan) -> pa.Schema:
    return pa.schema([(field.name, ARROW[field.type]) for field in archive_fields(source.columns)])


def _till(row: Row) -> Row:
    return {"number": f"n{row['_src_offset']}", **row, "_src_topic": "tills"}


def _on_the_web(row: Row) -> Row:
    customer, cents, weight, express = row["customer"], row["cents"], row["weight"], row["express"]
    return {
        **_till(row),
        "store": row["shop"],
        "client": None if customer is None else str(customer),
        "state": row["status"],
        "half_cents": None if cents is None else cents * 2,
        "quarters": None if weight is None else weight * 4,
        "kind": None if express is None else "express" if express else "slow",
        "placed_at": row["ordered_at"],
        "_src_topic": "website",
    }


def _by_phone(row: Row) -> Row:
    return {**_till(row), "called_at": row["ordered_at"], "_src_topic": "phone"}


OWN = (_till, _on_the_web, _by_phone)


def late_by(row: Row, lateness_us: int) -> Row:
    """The row, arrived so long after it may have."""
    return {**row, "_src_timestamp": row["ordered_at"] + LATENESS + lateness_us}
