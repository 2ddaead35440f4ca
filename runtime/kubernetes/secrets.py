"""No secret leaves by a manifest: a job that holds one is refused, and so is a reference that no pod could follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from headrace.errors import SettingsError
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.image import SECRETS_FOLDER
from headrace.runtime.secret import SecretReference, property_value

# A table option in SQL text: 'key' = 'value', where a quote inside the value is doubled.
OPTION_IN_SQL = re.compile(r"'([^']+)'\s*=\s*'((?:[^']|'')*)'")
# Switches such as "security.delegation.tokens.enabled" are named after a secret and hold none.
SWITCHES = frozenset({"", "true", "false"})


def refuse_secrets(spec: JobSpec, mounted: Iterable[str] = ()) -> None:
    """Check that a job may be written to a ConfigMap: it holds no secret, and its references lead to mounted files.

    A secret is known by its option's key (password, secret, token, ...) or by a password in a URI.

    Args:
        spec: the job; its plan, its declarations and its configuration are searched.
        mounted: names of the Kubernetes secrets that its pods mount.

    Raises:
        SettingsError: it holds a secret, which is not repeated, or refers to one that its pods cannot read.
    """
    folders = tuple(f"file:{SECRETS_FOLDER}/{name}/" for name in mounted)
    for place, key, text in _options(spec):
        found = _checked(spec.name, place, key, text)
        if isinstance(found, SecretReference) and not found.reference.startswith(folders or ("\0",)):
            msg = (
                f"job {spec.name!r}, {place}: {key!r} refers to {found}, which its pods cannot read; "
                f"refer to file:{SECRETS_FOLDER}/<secret>/<key>, name the secret by --secret, and plan the view again"
            )
            raise SettingsError(msg)


def _checked(job: str, place: str, key: str, text: str) -> str | SecretReference:
    if text.lower() in SWITCHES:
        return text
    try:
        return property_value(key, text)
    except SettingsError as error:
        msg = (
            f"job {job!r}, {place}: {key!r} holds a secret (not shown), and a ConfigMap is no place for one; "
            f"give file:{SECRETS_FOLDER}/<secret>/<key> in the settings instead, or use the pods' own identity, "
            "and plan the view again"
        )
        raise SettingsError(msg) from error


def _options(spec: JobSpec) -> Iterator[tuple[str, str, str]]:
    """(place, key, value) of everything in a job that could be an option."""
    for key, value in spec.configuration.items():
        yield "configuration", key, value
    for statement in spec.declarations:
        for key, value in OPTION_IN_SQL.findall(statement):
            yield "declarations", key, value.replace("''", "'")
    for path, key, value in _texts(json.loads(spec.plan), ""):
        yield f"plan at {path}", key, value


def _texts(node: Any, path: str, key: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, key, text) of every text in a JSON document; a text in a list has the list's key."""
    if isinstance(node, str):
        yield path, key, node
    elif isinstance(node, dict):
        for name, child in node.items():
            yield from _texts(child, f"{path}/{name}", name)
    elif isinstance(node, list):
        for position, child in enumerate(node):
            yield from _texts(child, f"{path}/{position}", key)
