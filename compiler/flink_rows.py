"""The rows of a source as a trainer reads them: parsed, judged by the source's rules, with what is left of bad ones."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.compiler.flink_functions import create_functions
from headrace.compiler.flink_ledger import as_json
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_tables import Options, create_leg, quoted
from headrace.compiler.plan import SourcePlan
from headrace.compiler.union import refused_sql
from headrace.compiler.verdict import REFUSED, late, late_reason

#: Why the rules of its source refuse a row, late ones too; NULL for a good row. What is left of its bytes is beside it.
WHY, RAW = str(REFUSED.value), "_raw"
#: The table of the live leg.
LIVE = "live"


def judged_rows(source: SourcePlan, live: Options, columns: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The statements that declare a source's topic, and the query of all of its rows, each once, the refused ones too.

    The query has these columns of the source's and the archive's, then `WHY` and `RAW`.
    """
    why = FLINK.emit(REFUSED)
    is_late, reason = FLINK.emit(late(source)), FLINK.emit(late_reason(source))
    judged = f"SELECT *, CASE WHEN {why} IS NULL AND {is_late} THEN {reason} ELSE {why} END AS `_why`"
    judged += f"\nFROM (\n{refused_sql(source, FLINK, FLINK.identifier(LIVE))}\n)"
    raw = f"CASE WHEN `_why` IS NOT NULL THEN COALESCE(`{RAW}`, {as_json(source)}) END AS `{RAW}`"
    query = f"SELECT {quoted(columns)}, `_why` AS `{WHY}`, {raw}\nFROM (\n{judged}\n)"
    table = create_leg(LIVE, source, live)
    return (*create_functions([table, query]), table), query
