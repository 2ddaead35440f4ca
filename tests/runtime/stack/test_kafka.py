"""Kafka's first start."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from headrace.runtime.settings import load_settings
from headrace.runtime.stack.kafka import kafka_service
from headrace.runtime.stack.plan import StackPlan
from headrace.runtime.stack.ports import PortChooser
from headrace.runtime.stack.preflight import plan_of

ROOT = Path(__file__).parents[3]
# Its base64 begins with a dash, as one of 64 random ids does.
DASHED = uuid.UUID(bytes=b"\xf8" + bytes(15))


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    flags = {"home": str(tmp_path), "jars": str(ROOT / ".build/jars")}
    return plan_of(load_settings(flags=flags, environment={}, folder=tmp_path))


@pytest.mark.slow
def test_an_id_that_looks_like_an_option_is_an_id(plan: StackPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: DASHED)
    kafka_service(plan, PortChooser({}))
    written = (plan.folder / "kafka" / "data" / "meta.properties").read_text()
    assert "cluster.id=-AAAAAAAAAAAAAAAAAAAAA" in written
