"""What the image holds and where: the one agreement between the manifests and `k8s/Containerfile`."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from headrace.errors import SettingsError

FLINK_HOME: Final = "/opt/flink"
PYTHON: Final = "/opt/headrace/bin/python"
# User and group `flink` of the official image.
FLINK_USER_ID: Final = 9999
# Flink's scripts and java.io.tmpdir use it whatever the configuration says, so it is the one scratch folder.
SCRATCH_FOLDER: Final = "/tmp"  # noqa: S108 (inside a container of our own)
LOG_FOLDER: Final = f"{FLINK_HOME}/log"
JOB_FOLDER: Final = "/etc/headrace/job"
JOB_FILE: Final = "job.json"
SECRETS_FOLDER: Final = "/etc/headrace/secrets"

REFERENCE = re.compile(
    r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def pinned_image(reference: str) -> str:
    """The image reference, when it says which image it means: by digest, or by a tag other than `latest`.

    >>> pinned_image("registry.example.com/headrace:0.1.0")
    'registry.example.com/headrace:0.1.0'

    Raises:
        SettingsError: it is no image reference, or floats.
    """
    found = REFERENCE.fullmatch(reference)
    if found and (found["digest"] or found["tag"] not in {None, "latest"}):
        return reference
    msg = (
        f"image: expected a reference with a digest or a tag other than 'latest', found {reference!r}; "
        "a floating image restarts as another program: write registry/headrace:0.1.0 or ...@sha256:..."
    )
    raise SettingsError(msg)


def installed_flink_version() -> str:
    """The version of the PyFlink that this program was installed with, which is the image's too.

    Raises:
        SettingsError: PyFlink is not installed here, and nobody said which version the image has.
    """
    try:
        return version("apache-flink")
    except PackageNotFoundError as error:
        msg = "flink_version: apache-flink is not installed here; install headrace[flink], or give the image's version"
        raise SettingsError(msg) from error


def operator_version_name(flink_version: str) -> str:
    """Flink's version as the operator's enumeration writes it.

    >>> operator_version_name("2.1.3")
    'v2_1'

    Raises:
        SettingsError: the text is no version.
    """
    parts = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", flink_version)
    if parts is None:
        msg = f"flink_version: expected major.minor.patch such as '2.1.3', found {flink_version!r}"
        raise SettingsError(msg)
    return f"v{parts[1]}_{parts[2]}"
