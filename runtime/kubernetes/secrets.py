"""No secret leaves by a manifest: a job that holds one is refused, and so is a reference that no pod could follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from headrace.connectors.secret import property_value, refers
from headrace.errors import SettingsError
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.deployment import Deployment
from headrace.runtime.kubernetes.image import SECRETS_FOLDER

# A table option in SQL text: 'key' = 'value', where a quote inside the value is doubled.
OPTION_IN_SQL = re.compile(r"'([^']+)'\s*=\s*'((?:[^']|'')*)'")
HOW_TO_GIVE = (
    f"refer to file:{SECRETS_FOLDER}/SECRET/KEY and name the secret by `--secret SECRET`, or to env:NAME and say "
    "`--secret-env NAME=SECRET/KEY`"
)


def refuse_secrets(spec: JobSpec, deployment: Deployment) -> None:
    """Check that a job may be written to a ConfigMap: it holds no secret, and its pods can follow its references.

    A secret is known by its option's key (password, secret, token, ...) or by a password in a URI.

    Args:
        spec: the job; its plan, its declarations and its configuration are searched.
        deployment: says which files and variables its pods get.

    Raises:
        SettingsError: it holds a secret, which is not repeated, or refers to one that its pods cannot read.
    """
    for place, key, text in _options(spec):
        _require_reference(spec.name, place, key, text)
        if refers(key, text) and not _reaches(deployment, text):
            msg = f"job {spec.name!r}, {place}: {key!r} refers to {text}, which its pods cannot read; {HOW_TO_GIVE}"
            raise SettingsError(msg)


def _require_reference(job: str, place: str, key: str, text: str) -> None:
    try:
        property_value(key, text)
    except SettingsError as error:
        msg = (
            f"job {job!r}, {place}: {key!r} holds a secret (not shown), and a ConfigMap is no place for one; "
            f"plan the view again with a reference in the settings: {HOW_TO_GIVE}; or use the pods' own identity"
        )
        raise SettingsError(msg) from error


def _reaches(deployment: Deployment, reference: str) -> bool:
    folders = [f"file:{SECRETS_FOLDER}/{name}/" for name in deployment.secrets]
    variables = [f"env:{variable.name}" for variable in deployment.secret_variables]
    return reference in variables or reference.startswith(tuple(folders))


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
