"""What each node of SQL is in ibis, one file a family: choices, nested values, numbers, strings, times."""

from __future__ import annotations

from sqlglot import exp

from headrace.features.sql.rules import choices, nested, numbers, strings, times
from headrace.features.sql.rules.common import Rule, called

#: Rules of nodes that sqlglot knows, and of functions that it knows by name only.
RULES: dict[type, Rule] = {**choices.RULES, **numbers.RULES, **strings.RULES, **times.RULES, **nested.RULES}
FUNCTIONS: dict[str, Rule] = {**numbers.FUNCTIONS, **strings.FUNCTIONS, **times.FUNCTIONS}
#: Nodes that are functions to sqlglot and words of SQL to its users.
_WORDS = (exp.And, exp.Or, exp.Case, exp.Cast, exp.TryCast)
#: All names of functions, for suggestions.
FUNCTION_NAMES = sorted(
    {*FUNCTIONS, *(called(kind()) for kind in RULES if issubclass(kind, exp.Func) and kind not in _WORDS)}
)
