"""What stands beside every figure: the machine, the versions, the day."""

from __future__ import annotations

import os
import platform
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

POM = Path(__file__).resolve().parent.parent / "pom.xml"
#: What is measured and what it is measured against: packages of Python, and properties of the root POM.
PACKAGES = ("duckdb", "cassandra-driver", "pyarrow", "pyiceberg")
POM_PROPERTIES = {"Flink": "flink.version", "Iceberg": "iceberg.version", "Cassandra": "cassandra.version"}


def facts() -> dict[str, str]:
    """The machine and the versions, by name."""
    gib = psutil.virtual_memory().total / 2**30
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores of {processor()}, {gib:.0f} GiB, {platform.system()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        **{name: pom_property(key) for name, key in POM_PROPERTIES.items()},
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def processor() -> str:
    """The processor's name, as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def pom_property(name: str) -> str:
    """A version from the root POM."""
    return ET.parse(POM).getroot().findtext(f"{{*}}properties/{{*}}{name}") or "?"  # noqa: S314 (our own file)
