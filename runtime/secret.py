"""Secrets by reference: settings hold where a secret is, never the secret itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from headrace.errors import SettingsError

HOW_TO_REFER = "write `env:NAME` for an environment variable or `file:PATH` for a file that holds it"

#: Words in the key of a client property that say its value is a secret; Kafka, Iceberg, S3 and JDBC all use one.
SECRET_WORDS = re.compile(r"password|passwd|secret|token|credential|jaas|access-key|private-key|api-key", re.IGNORECASE)


@dataclass(frozen=True)
class SecretReference:
    """Where a secret is: ``env:NAME`` or ``file:PATH``; its text and its repr show the place, never the value.

    >>> SecretReference("env:KAFKA_PASSWORD")
    SecretReference('env:KAFKA_PASSWORD')
    """

    reference: str

    def __repr__(self) -> str:
        return f"SecretReference({self.reference!r})"

    def __str__(self) -> str:
        return self.reference

    def resolve(self, environment: Mapping[str, str] = os.environ) -> str:
        """The secret, read now; the last line break of a file is not part of it.

        Raises:
            SettingsError: the variable is not set, or the file cannot be read.
        """
        kind, _, place = self.reference.partition(":")
        return _from_environment(place, environment) if kind == "env" else _from_file(Path(place))


def is_reference(text: str) -> bool:
    """Whether a text has the form of a reference; ``file://...`` is a location, not a reference.

    >>> is_reference("env:TOKEN"), is_reference("file:/run/token"), is_reference("file:///data")
    (True, True, False)
    """
    return bool(re.fullmatch(r"env:\w+|file:(?!//).+", text))


def secret_reference(name: str, value: object) -> SecretReference:
    """The reference that a setting holds.

    Raises:
        SettingsError: the value is the secret itself; the message says how to refer to it and does not repeat it.
    """
    if isinstance(value, SecretReference):
        return value
    if isinstance(value, str) and is_reference(value):
        return SecretReference(value)
    msg = f"{name}: expected a reference to a secret, found a literal value (not shown); {HOW_TO_REFER}"
    raise SettingsError(msg)


def property_value(key: str, value: object) -> str | SecretReference:
    """The value of a client property: a reference where its key or its URI says secret, else its text.

    >>> property_value("security.protocol", "SSL")
    'SSL'
    >>> property_value("sasl.password", "env:SASL")
    SecretReference('env:SASL')

    Raises:
        SettingsError: the property is a secret, or a URI with a password in it, and given literally.
    """
    if isinstance(value, SecretReference):
        return value
    text = _text(value)
    if SECRET_WORDS.search(key) or text.startswith("env:") or _has_password(text):
        return secret_reference(key, text)
    return text


def resolved(properties: Mapping[str, str | SecretReference]) -> dict[str, str]:
    """The properties as a client wants them, with every secret read now. Do not print the result.

    >>> resolved({"security.protocol": "SSL"})
    {'security.protocol': 'SSL'}

    Raises:
        SettingsError: a secret cannot be read.
    """
    return {key: value.resolve() if isinstance(value, SecretReference) else value for key, value in properties.items()}


def _text(value: object) -> str:
    """Property values are text for every client; YAML's true and 3 are written as Java writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _has_password(text: str) -> bool:
    try:
        return "://" in text and urlsplit(text).password is not None
    except ValueError:
        return False


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        msg = f"secret env:{name}: the environment variable {name} is not set; set it, or refer to another place"
        raise SettingsError(msg)
    return environment[name]


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        msg = f"secret file:{path}: cannot be read ({error.strerror}); check the path and its permissions"
        raise SettingsError(msg) from error
