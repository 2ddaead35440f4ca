"""Fixtures of the compiler's tests: plans, bindings without servers, golden files and the real planner."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.plan import ViewPlan
from headrace.features import load_views
from headrace.runtime.session import FlinkSession

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
OWN = tuple(
    Path(__file__).parent / f"{name}.py"
    for name in ("every_aggregate", "unique_orders", "nested_logins", "united_orders")
)
FILES = (ROOT / "examples/fraud/features.py", *OWN)

DATAGEN = {"connector": "datagen"}
BLACKHOLE = {"connector": "blackhole"}


def all_plans() -> dict[str, ViewPlan]:
    """The plans of all views of the test files, by name."""
    views = [view for file in FILES for view in load_views(file).views.values()]
    return {view.name: plan_view(view) for view in views}


PLANS = all_plans()


@pytest.fixture(params=sorted(PLANS))
def plan(request: pytest.FixtureRequest) -> ViewPlan:
    return PLANS[request.param]


@pytest.fixture(scope="session")
def plans() -> dict[str, ViewPlan]:
    return PLANS


@pytest.fixture
def bind() -> Callable[[ViewPlan], JobBindings]:
    """Bindings with the options of a deployment, for golden files."""

    def make(plan: ViewPlan) -> JobBindings:
        def iceberg(name: str) -> dict[str, str]:
            return {"connector": "iceberg", "catalog-table": name}

        tiles = {
            group.fingerprint: TileOptions(
                {"connector": "headrace-cassandra", "table": group.fingerprint}, iceberg(group.fingerprint)
            )
            for group in plan.groups
        }
        live = {"connector": "headrace-kafka", "topic": "t"}
        legs = [Legs(iceberg("raw"), live) for _ in plan.source.parts]
        return JobBindings("demo", "run-1", legs, tiles, iceberg("offset_tiles"), iceberg("dead_letters"))

    return make


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its golden file; HEADRACE_UPDATE_GOLDEN=1 writes it instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text(), f"{path} differs; review, then run with HEADRACE_UPDATE_GOLDEN=1"

    return check


@pytest.fixture(scope="session")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """A maker of fresh table environments in streaming mode, in the client's JVM as everybody has it."""
    jars = ROOT / ".build/jars/flink"
    assert list(jars.glob("headrace-flink*.jar")), "run `make setup` first"
    FlinkSession(jars, tmp_path_factory.mktemp("flink")).start()
    from pyflink.table import EnvironmentSettings, TableEnvironment

    return lambda: TableEnvironment.create(EnvironmentSettings.in_streaming_mode())


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The row-by-row oracle, as a module."""
    spec = spec_from_file_location("compiler_oracle", Path(__file__).parent / "events.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
