"""What a query may consist of. A parser knows more, and what nobody reads would be dropped in silence."""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import UnsupportedError
from headrace.features.sql.rules.common import called
from headrace.features.sql.script import RefusalError

#: The parts of nodes that are read, by sqlglot's names. Of other nodes a rule reads all there is.
PARTS: dict[type, frozenset[str]] = {
    kind: frozenset(parts.split())
    for kind, parts in {
        exp.Select: "expressions from_ joins where windows group with_",
        exp.With: "expressions",
        exp.CTE: "this alias",
        exp.Subquery: "this alias",
        exp.Table: "this alias db catalog",
        exp.TableAlias: "this",
        exp.Group: "expressions",
        exp.Star: "",
        exp.Cast: "this to",
        exp.TryCast: "this to safe",
        exp.Round: "this decimals",
        exp.RegexpLike: "this expression flag",
        exp.RegexpExtract: "this expression group parameters null_if_pos_overflow",
        exp.RegexpReplace: "this expression replacement modifiers single_replace",
        exp.StrPosition: "this substr",
        exp.TimestampTrunc: "this unit",
        exp.DateTrunc: "this unit",
        exp.DateDiff: "this expression unit date_part_boundary",
        exp.UnixToTime: "this scale",
        exp.Ordered: "this desc nulls_first",
        exp.WindowSpec: "kind start start_side end end_side exclude",
    }.items()
}
#: What a feature's SQL has not, with what to do.
CLAUSES = {
    "laterals": ("LATERAL", "a feature reads one source"),
    "recursive": ("RECURSIVE", "a query of WITH filters rows and derives columns"),
    "materialized": ("MATERIALIZED", "a query of WITH is part of the feature, and nothing is kept of it"),
    "distinct": ("DISTINCT", "a feature is an aggregate; write count(DISTINCT x)"),
    "having": ("HAVING", "a feature has a value for every entity"),
    "qualify": ("QUALIFY", "a feature has a value for every entity"),
    "order": ("ORDER BY", "a feature has no order; ORDER BY stands inside OVER"),
    "limit": ("LIMIT", "a feature has a value for every entity"),
    "offset": ("OFFSET", "a feature has a value for every entity"),
    "sample": ("a sample", "a feature counts all rows; `headrace run --sample` reads fewer"),
    "columns": ("another name of a column", "write the column's own name"),
    "version": ("a version of the source", "a feature reads the source as it is"),
    "position": ("strpos from a place on", "write strpos(substring(s, 3), 'a')"),
}


def check_shape(select: exp.Select) -> None:
    """Refuse, by name, every part of a query that nobody would read."""
    for node in select.walk(bfs=False):
        allowed = PARTS.get(type(node))
        for name, value in node.args.items() if allowed is not None else ():
            if value and allowed is not None and name not in allowed:
                _refuse(node, name, value)


def _refuse(node: exp.Expr, name: str, value: object) -> None:
    """Refuse one part of a node."""
    part = value[0] if isinstance(value, list) else value
    at = part if isinstance(part, exp.Expr) else node
    plain = f"{name.strip('_')} of {called(node)}"
    word, reason = CLAUSES.get(name, (plain, "docs/sql.md lists what is"))
    raise RefusalError(at, UnsupportedError(f"{word} is not supported in features; {reason}"))
