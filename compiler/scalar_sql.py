"""Scalars to SQL text: one walk, and one table of rules for each engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace.compiler.plan import Column
from headrace.features.scalar import FLOAT, STRUCT, TIMES, Scalar, is_list

Rule = Callable[[Scalar, "list[str]", str], str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between engines: the quote of names, the names of types, and the SQL of each operation.

    A rule gets the scalar, the SQL of its arguments, and the label that an overflow names. `struct` and `array` are the
    types of structs and lists, to be filled with the fields and with the type of the element.
    """

    name: str
    quote: str
    types: Mapping[str, str]
    struct: str
    array: str
    rules: Mapping[str, Rule]

    def identifier(self, name: str) -> str:
        """A quoted name."""
        return f"{self.quote}{name.replace(self.quote, self.quote * 2)}{self.quote}"

    def type_of(self, column: Column) -> str:
        """The type of a column, or of a part of one."""
        if column.type == STRUCT:
            return self.struct.format(", ".join(map(self.declared, column.fields)))
        return self.array.format(self.type_of(column.fields[0])) if is_list(column.type) else self.types[column.type]

    def declared(self, column: Column) -> str:
        """A column with its type."""
        return f"{self.identifier(column.name)} {self.type_of(column)}"

    def emit(self, scalar: Scalar, label: str = "") -> str:
        """The SQL of a scalar; integer overflow in it is an error that names `label`."""
        return self.rules[scalar.op](scalar, [self.emit(arg, label) for arg in scalar.args], label)


def text_literal(text: str) -> str:
    """A string constant.

    >>> text_literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def float_literal(value: float) -> str:
    """A DOUBLE constant: without an exponent both engines would read a DECIMAL.

    >>> float_literal(0.1), float_literal(1e300)
    ('0.1E0', '1e+300')
    """
    text = repr(value)
    return text if "e" in text else f"{text}E0"


def literal(types: Mapping[str, str]) -> Rule:
    """A constant of exactly its type by the engine's `types`: never INT or DECIMAL. Instants are µs, dates days."""

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        value = scalar.value
        if value is None:
            return f"CAST(NULL AS {'BIGINT' if scalar.type in TIMES else types[scalar.type]})"
        if isinstance(value, str):
            return text_literal(value)
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        return float_literal(value) if isinstance(value, float) else f"CAST({value} AS BIGINT)"

    return rule


def template(pattern: str) -> Rule:
    """A rule that fills the arguments into a pattern."""
    return lambda scalar, args, label: pattern.format(*args)


def case(scalar: Scalar, args: list[str], label: str) -> str:
    """`CASE WHEN condition THEN value ... ELSE value END`, a line for each branch."""
    branches = "\n  ".join(f"WHEN {args[i]} THEN {args[i + 1]}" for i in range(0, len(args) - 1, 2))
    return f"CASE {branches} ELSE {args[-1]} END"


def is_in(scalar: Scalar, args: list[str], label: str) -> str:
    """`x IN (...)`."""
    return f"({args[0]} IN ({', '.join(args[1:])}))"


def coalesce(scalar: Scalar, args: list[str], label: str) -> str:
    """`COALESCE(...)`."""
    return f"COALESCE({', '.join(args)})"


def concat(scalar: Scalar, args: list[str], label: str) -> str:
    """Strings joined; NULL when one is."""
    return f"({' || '.join(args)})"


def function(name: str) -> Rule:
    """A call of a function with all arguments."""
    return lambda scalar, args, label: f"{name}({', '.join(args)})"


def characters(name: str) -> Rule:
    """A function of a string that counts characters: counts are constants, and plain INT."""
    return lambda scalar, args, label: f"{name}({', '.join([args[0], *(str(arg.value) for arg in scalar.args[1:])])})"


def by_cast(rules: Mapping[tuple[str, str], Rule]) -> Rule:
    """One rule for each pair of the argument's type and the type it becomes."""
    return lambda scalar, args, label: rules[scalar.args[0].type, scalar.type](scalar, args, label)


def as_integers(rule: Rule, patterns: Mapping[str, str]) -> Rule:
    """A rule for what holds values of any type; an instant comes as its µs and a date as its day, by `patterns`."""

    def wrapped(scalar: Scalar, args: list[str], label: str) -> str:
        return patterns.get(scalar.type, "{0}").format(rule(scalar, args, label))

    return wrapped


def by_type(integers: Rule, floats: Rule) -> Rule:
    """One rule for integers, another for floats."""
    return lambda scalar, args, label: (floats if scalar.type == FLOAT else integers)(scalar, args, label)


FLOAT_FUNCTIONS = (
    *("floor", "ceil", "power", "sqrt", "exp", "ln", "log2", "log10"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "radians", "degrees"),
)
#: The whitespace that strip removes.
WHITESPACE = " \t\n\r\v\f"
#: A number as text: nothing before or after, digits of ASCII.
INT_TEXT = "[+-]?[0-9]+"
FLOAT_TEXT = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
#: What may be a date as text: a year that is not 0000, a month and a day.
DATE_TEXT = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"
#: Operations that read the same in both engines.
COMMON: dict[str, Rule] = {
    "and": template("({0} AND {1})"),
    "or": template("({0} OR {1})"),
    "not": template("(NOT {0})"),
    "is_true": template("({0} IS TRUE)"),
    "is_null": template("({0} IS NULL)"),
    "not_null": template("({0} IS NOT NULL)"),
    "is_in": is_in,
    "case": case,
    "coalesce": coalesce,
    "concat": concat,
    "substring": characters("SUBSTRING"),
    "right": characters("RIGHT"),
    "replace": function("REPLACE"),
    # An instant and an interval are µs in SQL, a date is its day, so between them and integers nothing is done.
    **dict.fromkeys(("micros", "instant", "days", "date", "interval_us"), template("{0}")),
    **{op: function(op.upper()) for op in FLOAT_FUNCTIONS},
    "negate": template("(- {0})"),
    "abs": template("ABS({0})"),
    "divide": template("({0} / NULLIF({1}, 0E0))"),
    # Sums of an instant and a constant: far from overflow, because instants are between 1970 and 9999.
    "add_us": template("({0} + {1})"),
    "subtract_us": template("({0} - {1})"),
}
COMPARISONS = {
    "equals": "=",
    "not_equals": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*"}
