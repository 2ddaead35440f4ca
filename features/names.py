"""Names: one rule for all of them, because they become columns, fields and parts of table names in every store."""

from __future__ import annotations

import re

from headrace.errors import DefinitionError

#: Valid unquoted in Cassandra, Iceberg, Flink and DuckDB alike; 48 is Cassandra's limit.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


def check_name(name: str, what: str, where: object) -> str:
    """The name itself; DefinitionError when it breaks the rule.

    >>> check_name("amt", "column", "features.py:1")
    'amt'
    """
    if _NAME.fullmatch(name) is None:
        msg = (
            f"{where}: {what} {name!r} is no valid name; expected a lower-case letter, then up to 47 of a-z, 0-9 and _"
        )
        raise DefinitionError(msg)
    return name


def snake_case(name: str) -> str:
    """A class's name as a view's name.

    >>> snake_case("FraudFeatures"), snake_case("HTTPErrors2")
    ('fraud_features', 'http_errors2')
    """
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words).lower()
