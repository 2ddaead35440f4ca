"""Names that Kubernetes takes: checked where a user gives them, made where a job gives them."""

from __future__ import annotations

import hashlib
import re

from headrace.errors import SettingsError

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# RFC 1123: one label of a DNS name.
MAX_LABEL_LENGTH = 63
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# RFC 1123: a whole DNS name; what names of secrets may be.
MAX_SUBDOMAIN_LENGTH = 253
# A key of a secret or a config map, and what a shell takes for a variable.
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The operator's own rule for a FlinkDeployment: it becomes Flink's cluster id, from which longer names are made.
MAX_DEPLOYMENT_NAME_LENGTH = 45
# Eight hex digits tell four billion apart, and a name stays readable.
DIGEST_LENGTH = 8


def digest(text: str) -> str:
    """The first hex digits of a text's SHA-256.

    >>> digest("run-1")
    '4e65d3fb'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def label(setting: str, name: str) -> str:
    """The name, when it is an RFC 1123 label.

    >>> label("namespace", "risk")
    'risk'

    Raises:
        SettingsError: it is not; the setting is named.
    """
    if LABEL.fullmatch(name) and len(name) <= MAX_LABEL_LENGTH:
        return name
    raise SettingsError(_refusal(setting, name, MAX_LABEL_LENGTH))


def subdomain(setting: str, name: str) -> str:
    """The name, when it is an RFC 1123 subdomain: labels joined by dots.

    >>> subdomain("secret", "cassandra.prod")
    'cassandra.prod'

    Raises:
        SettingsError: it is not; the setting is named.
    """
    if SUBDOMAIN.fullmatch(name) and len(name) <= MAX_SUBDOMAIN_LENGTH:
        return name
    raise SettingsError(_refusal(setting, name, MAX_SUBDOMAIN_LENGTH))


def deployment_name(job: str) -> str:
    """The FlinkDeployment's name of a job: the job's own where it is valid, else a valid one with a digest of it.

    The digest keeps two jobs apart whose names differ only in what Kubernetes does not take.

    >>> deployment_name("flights-1")
    'flights-1'
    >>> deployment_name("Flights_1")
    'flights-1-65a309ae'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", job.lower()).strip("-")
    valid = plain if plain[:1].isalpha() else f"job-{plain}".rstrip("-")
    if valid == job and len(job) <= MAX_DEPLOYMENT_NAME_LENGTH:
        return job
    kept = valid[: MAX_DEPLOYMENT_NAME_LENGTH - DIGEST_LENGTH - 1].rstrip("-")
    return f"{kept}-{digest(job)}"


def _refusal(setting: str, name: str, longest: int) -> str:
    return (
        f"{setting}: expected an RFC 1123 name (lower-case letters, digits and '-', up to {longest} characters), "
        f"found {name!r}; rename it"
    )
