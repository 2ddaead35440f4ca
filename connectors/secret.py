"""Secrets by reference: settings, jobs and manifests hold where a secret is; who connects reads it there.

A reference is text, and travels as text: through a connection's properties, a table's options, a compiled plan. The
Java side reads it by the same rule (`io.headrace.flink.secrets.Secret`; a test compares the two).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from headrace.errors import SettingsError

HOW_TO_REFER = "write `env:NAME` for an environment variable or `file:/PATH` for a file that holds it"

#: ``file://...`` is a location, not a reference; a relative path would be another file for every reader.
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/(?!/).+")
#: Words in the key of a client property that say its value is a secret; Kafka, Iceberg, S3 and JDBC all use one.
SECRET_WORDS = re.compile(r"password|passwd|secret|token|credential|jaas|access-key|private-key|api-key", re.IGNORECASE)
#: The keys whose values may be references: a path elsewhere only looks like one.
REFERRING = re.compile(rf"{SECRET_WORDS.pattern}|username", re.IGNORECASE)
#: Switches such as "security.delegation.tokens.enabled" are named after a secret and hold none.
SWITCHES = frozenset({"", "true", "false"})


def is_reference(text: str) -> bool:
    """Whether a text has the form of a reference.

    >>> is_reference("env:TOKEN"), is_reference("file:/run/token"), is_reference("file:///data")
    (True, True, False)
    """
    return bool(REFERENCE.fullmatch(text))


def refers(key: str, text: str) -> bool:
    """Whether a property's value is a reference; one to a file needs a key that says secret or user name.

    >>> refers("token", "file:/run/token"), refers("warehouse", "file:/lake"), refers("uri", "env:LAKE_URI")
    (True, False, True)
    """
    return is_reference(text) and (text.startswith("env:") or bool(REFERRING.search(key)))


def require_reference(name: str, value: object) -> str:
    """The reference that a setting holds.

    Raises:
        SettingsError: the value is the secret itself; the message says how to refer to it and does not repeat it.
    """
    if isinstance(value, str) and is_reference(value):
        return value
    msg = f"{name}: expected a reference to a secret, found a literal value (not shown); {HOW_TO_REFER}"
    raise SettingsError(msg)


def property_value(key: str, value: object) -> str:
    """A client property's value as text: a reference where its key or its URI says secret.

    >>> property_value("security.protocol", "SSL"), property_value("sasl.password", "env:SASL")
    ('SSL', 'env:SASL')

    Raises:
        SettingsError: the property is a secret, or a URI with a password in it, and given literally.
    """
    text = _text(value)
    if holds_secret(key, text) or text.startswith("env:"):
        return require_reference(key, text)
    return text


def holds_secret(key: str, text: str) -> bool:
    """Whether a property is one that should refer: its key says secret, or it is a URI with a password.

    >>> holds_secret("s3.secret-key", "x"), holds_secret("uri", "postgresql://me:x@db"), holds_secret("topic", "t")
    (True, True, False)
    """
    return text.lower() not in SWITCHES and (bool(SECRET_WORDS.search(key)) or _has_password(text))


def value_of(text: str) -> str:
    """The secret behind a reference, read now; any other text is itself. Do not print it.

    The last line break of a file is not part of the secret.

    Raises:
        SettingsError: the variable is not set, or the file cannot be read.
    """
    if not is_reference(text):
        return text
    kind, _, place = text.partition(":")
    return _from_environment(place) if kind == "env" else _from_file(Path(place))


def resolved(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties as a client wants them, every secret read now. Do not print them.

    >>> resolved({"security.protocol": "SSL"})
    {'security.protocol': 'SSL'}

    Raises:
        SettingsError: a secret cannot be read.
    """
    return {key: value_of(text) if refers(key, text) else text for key, text in properties.items()}


def _text(value: object) -> str:
    """Property values are text for every client; YAML's true and 3 are written as Java writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _has_password(text: str) -> bool:
    try:
        return "://" in text and urlsplit(text).password is not None
    except ValueError:
        return False


def _from_environment(name: str) -> str:
    if name not in os.environ:
        msg = f"secret env:{name}: the environment variable {name} is not set; set it, or refer to another place"
        raise SettingsError(msg)
    return os.environ[name]


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        msg = f"secret file:{path}: cannot be read ({reason}); check the path and its permissions"
        raise SettingsError(msg) from error
