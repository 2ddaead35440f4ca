"""Where settings come from: one layer a place, each a flat map of path to value, with the origin of every value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import SettingsError

#: The prefix and the separator of environment variables: HEADRACE__KAFKA__BOOTSTRAP_SERVERS is kafka.bootstrap_servers.
ENVIRONMENT_PREFIX = "HEADRACE__"
SEPARATOR = "__"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """A value and the place that it came from, in words for a reader."""

    value: Any
    origin: str


Layer = Mapping[Key, Value]


def merged(layers: Iterable[Layer]) -> dict[Key, Value]:
    """One layer out of several, the weakest first: a later one wins, leaf by leaf.

    >>> weak, strong = {("a",): Value(1, "file")}, {("a",): Value(2, "flag")}
    >>> merged([weak, strong])[("a",)].value
    2
    """
    result: dict[Key, Value] = {}
    for layer in layers:
        result.update(layer)
    return result


def nested(layer: Layer) -> dict[str, Any]:
    """The layer as nested maps, as a model wants it.

    >>> nested({("kafka", "bootstrap_servers"): Value("h:1", "flag")})
    {'kafka': {'bootstrap_servers': 'h:1'}}

    Raises:
        SettingsError: one place gives a single value where another gives a map.
    """
    root: dict[str, Any] = {}
    for key, found in sorted(layer.items(), key=lambda item: len(item[0])):
        _put(root, key, found)
    return root


def _put(root: dict[str, Any], key: Key, found: Value) -> None:
    inner = root
    for part in key[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            msg = f"{found.origin}: {'.'.join(key)} needs {part!r} to be a map, and another place gives it one value"
            raise SettingsError(msg)
    if found.value != {}:
        inner[key[-1]] = found.value
    else:
        inner.setdefault(key[-1], {})


def flat(values: Mapping[str, Any], origin: str, prefix: Key = ()) -> dict[Key, Value]:
    """A layer out of nested maps that all have one origin.

    >>> flat({"stack": {"slots": 2}}, "flag")
    {('stack', 'slots'): Value(value=2, origin='flag')}
    """
    result: dict[Key, Value] = {}
    for name, value in values.items():
        key = (*prefix, name)
        result.update(flat(value, origin, key) if isinstance(value, Mapping) and value else {key: Value(value, origin)})
    return result


def environment_layer(environment: Mapping[str, str], origin: str = "environment") -> dict[Key, Value]:
    """The settings among environment variables; a map may be given as JSON.

    >>> environment_layer({"HEADRACE__STACK__SLOTS": "2", "PATH": "/bin"})
    {('stack', 'slots'): Value(value='2', origin='environment HEADRACE__STACK__SLOTS')}
    """
    result: dict[Key, Value] = {}
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            key = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split(SEPARATOR))
            where = f"{origin} {name}"
            value = _json_or_text(text, where)
            result.update(flat(value, where, key) if isinstance(value, dict) else {key: Value(value, where)})
    return result


def dotenv_layer(path: Path) -> dict[Key, Value]:
    """The settings in a ``.env`` file; empty when there is none."""
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    found = {name: text for name, text in dotenv_values(path, interpolate=False).items() if text is not None}
    return environment_layer(found, origin=str(path.name))


def yaml_layer(path: Path) -> dict[Key, Value]:
    """The settings in a YAML file, each with the line it stands on.

    Raises:
        SettingsError: the file cannot be read, is no YAML, is no map, or gives a key twice; the line is named.
    """
    loader = yaml.SafeLoader(_text_of(path))
    try:
        root = loader.get_single_node()
        return {} if root is None else dict(_leaves(loader, root, (), path.name))
    except yaml.YAMLError as error:
        msg = f"{path}: not readable as YAML: {error}"
        raise SettingsError(msg) from error
    finally:
        loader.dispose()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}; check the path given by --config"
        raise SettingsError(msg) from error


def _leaves(loader: yaml.SafeLoader, node: yaml.Node, prefix: Key, file: str) -> Iterator[tuple[Key, Value]]:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode) and (node.value or not prefix):
        _refuse_duplicates(loader, node, prefix, file)
        loader.flatten_mapping(node)
        for key, value in node.value:
            yield from _leaves(loader, value, (*prefix, str(loader.construct_object(key))), file)
    elif prefix:
        yield prefix, Value(loader.construct_object(node, deep=True), f"{file}:{line}")
    else:
        msg = f"{file}:{line}: expected a map of settings at the top, such as `project: fraud`"
        raise SettingsError(msg)


def _refuse_duplicates(loader: yaml.SafeLoader, node: yaml.MappingNode, prefix: Key, file: str) -> None:
    """YAML keeps the last of two equal keys without a word: a setting that silently counts for nothing."""
    first: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(loader.construct_object(key)), key.start_mark.line + 1
        if name in first:
            path = ".".join((*prefix, name))
            msg = f"{file}:{line}: {path!r} is given twice, first on line {first[name]}; remove one of them"
            raise SettingsError(msg)
        first[name] = line


def _json_or_text(text: str, where: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"{where}: begins like JSON and is none: {error}"
        raise SettingsError(msg) from error
