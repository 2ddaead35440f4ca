"""The places where settings come from: sources of pydantic-settings that know where each of their values stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    YamlConfigSettingsSource,
)

from headrace.errors import SettingsError

#: The prefix and the separator of environment variables: HEADRACE__KAFKA__BOOTSTRAP_SERVERS is kafka.bootstrap_servers.
ENVIRONMENT_PREFIX = "HEADRACE__"
SEPARATOR = "__"
DEFAULT_ORIGIN = "default"

Key = tuple[str, ...]
Values = Mapping[str, Any]
#: The settings that are paths.
PATHS: frozenset[Key] = frozenset({("home",), ("jars",), ("online", "file")})


class Layer(PydanticBaseSettingsSource):
    """One place: its values, and in words for a reader where each of them stands.

    Args:
        settings: the class of the settings.
        read: gives the values as nested maps, out of what the stronger layers gave.
        origin: says where the value at a path stands.
        base: the folder from which the place means its relative paths.
    """

    def __init__(
        self,
        settings: type[BaseSettings],
        read: Callable[[Values], Values],
        origin: Callable[[Key], str],
        base: Path,
    ) -> None:
        super().__init__(settings)
        self.origin = origin
        self.given: Values = {}
        self._read = read
        self._base = base

    def __call__(self) -> dict[str, Any]:
        """The values as of now, which are remembered."""
        values = self._absolute(self._read(self.current_state))
        self.given = values
        return values

    def _absolute(self, values: Values, prefix: Key = ()) -> dict[str, Any]:
        """The values with their paths as meant from the base."""
        found = dict(values)
        for name, value in found.items():
            if (*prefix, name) in PATHS and isinstance(value, str):
                found[name] = str(self._base / Path(value).expanduser())
            elif isinstance(value, Mapping):
                found[name] = self._absolute(value, (*prefix, name))
        return found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One value; the library asks for it, and calls the layer as a whole."""
        return self.given.get(field_name), field_name, False


def leaves(values: Mapping[str, Any] | BaseModel, prefix: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value with its path; an empty map is one.

    >>> list(leaves({"stack": {"slots": 2}, "project": "fraud"}))
    [(('stack', 'slots'), 2), (('project',), 'fraud')]
    """
    for name, value in dict(values).items():
        key = (*prefix, name)
        if isinstance(value, BaseModel) or (isinstance(value, Mapping) and value):
            yield from leaves(value, key)
        else:
            yield key, value


def origin_of(key: Key, layers: Sequence[Layer]) -> str:
    """The place of the value, or of the first value inside it when a whole map is meant."""
    for layer in layers:
        for at, value in leaves(layer.given):
            # An empty map says nothing of what another place puts into it.
            if _within(at, key) or (value != {} and _within(key, at)):
                return layer.origin(at)
    return DEFAULT_ORIGIN


def _within(inner: Key, outer: Key) -> bool:
    return inner[: len(outer)] == outer


class VariablesSource(EnvSettingsSource):
    """Environment variables, or those of a ``.env`` file; a map or a list may be given as JSON."""

    def __init__(self, settings: type[BaseSettings], variables: Mapping[str, str], place: str) -> None:
        super().__init__(settings, case_sensitive=False, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter=SEPARATOR)
        own = {name.lower(): name for name in variables if name.startswith(ENVIRONMENT_PREFIX)}
        self.env_vars = {lower: variables[name] for lower, name in own.items()}
        self._place = place
        self._names = {tuple(lower.split(SEPARATOR)[1:]): name for lower, name in own.items()}

    def __call__(self) -> dict[str, Any]:
        """The values; also of settings that there are not, so that they are refused."""
        unknown = {key[0] for key in self._names} - set(self.settings_cls.model_fields)
        return {**dict.fromkeys(unknown), **super().__call__()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON where the text is JSON; any other text is left to the setting's own validation."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

    def origin(self, key: Key) -> str:
        """The variable that gave a value."""
        found = max((at for at in self._names if _within(key, at)), key=len, default=None)
        at = found or next(at for at in self._names if _within(at, key))
        return f"{self._place} {self._names[at]}"


class FileSource(YamlConfigSettingsSource):
    """A YAML file, of which every value's line is known."""

    def __init__(self, settings: type[BaseSettings], path: Path, *, required: bool) -> None:
        self._path = path
        self._lines: dict[Key, int] = {}
        if required:
            _text_of(path)
        super().__init__(settings, yaml_file=path)

    def origin(self, key: Key) -> str:
        """The file and the line of a value."""
        return f"{self._path.name}:{self._lines[key]}"

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        """The values of the file.

        Raises:
            SettingsError: it cannot be read, is no YAML, is no map, or gives a key twice; the line is named.
        """
        loader = yaml.SafeLoader(_text_of(file_path))
        try:
            root = loader.get_single_node()
            values = {} if root is None else self._value(loader, root, ())
        except yaml.YAMLError as error:
            msg = f"{file_path}: not readable as YAML: {error}"
            raise SettingsError(msg) from error
        finally:
            loader.dispose()
        if not isinstance(values, dict):
            msg = f"{self.origin(())}: expected a map of settings at the top, such as `project: fraud`"
            raise SettingsError(msg)
        return values

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, key: Key) -> Any:
        self._lines[key] = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            return loader.construct_object(node, deep=True)
        self._refuse_duplicates(loader, node, key)
        loader.flatten_mapping(node)
        pairs = [(str(loader.construct_object(name)), value) for name, value in node.value]
        return {name: self._value(loader, value, (*key, name)) for name, value in pairs}

    def _refuse_duplicates(self, loader: yaml.SafeLoader, node: yaml.MappingNode, prefix: Key) -> None:
        """YAML keeps the last of two equal keys without a word: a setting that silently counts for nothing."""
        first: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(loader.construct_object(key)), key.start_mark.line + 1
            if name in first:
                where, path = f"{self._path.name}:{line}", ".".join((*prefix, name))
                msg = f"{where}: {path!r} is given twice, first on line {first[name]}; remove one of them"
                raise SettingsError(msg)
            first[name] = line


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}; check the path given by --config"
        raise SettingsError(msg) from error
