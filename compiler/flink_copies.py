"""One of the copies of a row counts, in Flink SQL."""

from __future__ import annotations

from headrace.compiler.copies import contents, copied
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_text import create_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.verdict import Verdict
from headrace.features.scalar import BOOL, INT, Scalar, column, literal


def once_views(plan: ViewPlan, judgement: str, rows: str) -> list[str]:
    """The views from the view `rows` to `judged`, which has `_verdict`; `judgement` is the SQL of the verdict of a row.

    The first copy that the operator sees is accepted. A count OVER the arrival of rows appends and takes nothing back,
    unlike a ROW_NUMBER that is filtered, it hands the duplicates on, to be counted, and all it keeps of a row is its
    contents and a number. What is not accepted goes by its position, or all that is unparsable would go to one task.
    """
    if plan.source.unique_by is None:
        return [create_view("judged", f"SELECT *, {judgement} AS `_verdict`\nFROM `{rows}`")]
    duplicate = f"CAST({int(Verdict.DUPLICATE)} AS BIGINT)"
    accepted = Scalar("equals", BOOL, (column("_alone", INT), literal(int(Verdict.ACCEPTED))))
    may_be_copy = FLINK.emit(copied(plan.source, accepted))
    apart = f"CASE WHEN {may_be_copy} THEN CAST(-1 AS BIGINT) ELSE `_src_offset` END"
    same = ",\n    ".join([apart, *map(FLINK.emit, contents(plan.source))])
    copies = f"COUNT(*) OVER (PARTITION BY {same}\n  ORDER BY `_now`)"
    alone = f"SELECT *, {judgement} AS `_alone`, PROCTIME() AS `_now`\nFROM `{rows}`"
    once = f"CASE WHEN {may_be_copy} AND {copies} > 1 THEN {duplicate} ELSE `_alone` END"
    return [
        create_view("alone", alone),
        create_view("judged", f"SELECT *, {once} AS `_verdict`\nFROM `alone`"),
    ]
