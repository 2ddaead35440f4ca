"""References to secrets: one rule in Python and in Java, kept in what Flink gets, read in what a client gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.connectors import secret
from headrace.connectors.iceberg_options import flink_catalog, python_catalog
from headrace.connectors.kafka_properties import librdkafka_names, python_names
from headrace.errors import SettingsError

PLANTED = "hunter2"
JAVA = Path(__file__).resolve().parents[2] / "connectors/java/src/main/java/io/headrace/flink/secrets/Secret.java"
JAAS = f'PlainLoginModule required username="me" password="{PLANTED}";'


@pytest.fixture
def reference(tmp_path: Path) -> str:
    """A reference to a file with the planted secret."""
    (tmp_path / "planted").write_text(PLANTED + "\n", encoding="utf-8")
    return f"file:{tmp_path / 'planted'}"


def test_java_knows_references_by_the_same_patterns() -> None:
    text = JAVA.read_text(encoding="utf-8")
    found = re.findall(r'Pattern\.compile\(\s*"([^"]+)"(,\s+Pattern\.CASE_INSENSITIVE)?', text)
    assert [pattern for pattern, _ in found] == [secret.REFERENCE.pattern, secret.REFERRING.pattern]
    assert [bool(flag) for _, flag in found] == [False, bool(secret.REFERRING.flags & re.IGNORECASE)]


def test_kafkas_python_clients_get_the_secret_itself(tmp_path: Path) -> None:
    (tmp_path / "jaas").write_text(JAAS, encoding="utf-8")
    properties = {"sasl.mechanism": "PLAIN", "sasl.jaas.config": f"file:{tmp_path / 'jaas'}"}
    known = {"sasl_mechanism", "sasl_plain_username", "sasl_plain_password"}
    assert python_names(properties, known) == {
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": PLANTED,
    }
    assert librdkafka_names(properties)["sasl.password"] == PLANTED


def test_a_rest_catalog_reads_references_here_and_in_the_job(reference: str) -> None:
    properties = {"type": "rest", "uri": "http://catalog", "token": reference}
    assert python_catalog(properties)["token"] == PLANTED
    assert flink_catalog(properties) == {
        "catalog-impl": "io.headrace.flink.iceberg.ReferringRestCatalog",
        "uri": "http://catalog",
        "token": reference,
    }


@pytest.mark.parametrize(
    ("kind", "key", "text", "sentence"),
    [
        (
            "sql",
            "uri",
            "env:LAKE_URI",
            "'uri' refers to a secret, and Flink's catalog of type 'sql' reads no",
        ),
        ("glue", "s3.secret-access-key", "env:S3", "of type 'glue' reads no references; use a REST catalog"),
        ("hive", "s3.secret-access-key", "env:S3", "of type 'hive' reads no references"),
        ("sql", "uri", f"postgresql://me:{PLANTED}@db/lake", "'uri' is a secret (not shown)"),
        ("rest", "token", PLANTED, "'token' is a secret (not shown)"),
    ],
)
def test_a_secret_that_a_job_cannot_carry_is_refused(kind: str, key: str, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)) as refused:
        flink_catalog({"type": kind, key: text})
    assert PLANTED not in str(refused.value)


def test_a_warehouse_that_is_a_path_stays_one() -> None:
    properties = {"type": "sql", "uri": "sqlite:////lake/catalog.db", "warehouse": "file:/lake"}
    assert python_catalog(properties)["warehouse"] == flink_catalog(properties)["warehouse"] == "file:/lake"
