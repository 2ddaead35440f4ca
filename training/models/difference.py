"""What differs between two nested values, name by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One name whose values differ; None is one that is not there. `section` says of what, such as `environment`."""

    section: str
    name: str
    left: Any
    right: Any


def differences(section: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """The leaves that differ, sorted by name; a leaf of a nested value is named by its path.

    >>> differences("parameters", {"layers": [8, 4], "rate": 0.1}, {"layers": [8, 2], "rate": 0.1})
    [Difference(section='parameters', name='layers.1', left=4, right=2)]
    """
    before, after = dict(_leaves("", left)), dict(_leaves("", right))
    names = sorted(before.keys() | after.keys())
    # 1 and 1.0 and True are equal in Python, and three parameters.
    changed = [name for name in names if repr(before.get(name)) != repr(after.get(name))]
    return [Difference(section, name, before.get(name), after.get(name)) for name in changed]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _leaves(f"{path}.{number}" if path else str(number), item)
    else:
        yield path, value
