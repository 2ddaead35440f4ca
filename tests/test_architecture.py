"""The direction between rooms, the fences around heavy SDKs, and the budgets of size: read from the source by `ast`."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .link_tree import ROOT, rooms

# From the top down; a room may import those below its own line, and itself.
LAYERS = [
    {"jobs", "bench", "testing"},
    {"pipelines", "serving", "training"},
    {"runtime"},
    {"connectors", "compiler"},
    {"registry"},
    {"features"},
    {"errors"},
]
# Connectors make tables for plans, so they may see the plan's values; never what emits SQL.
SIDEWAYS = {("connectors", "compiler"): {"calls", "plan", "tables", "tiles"}}

FENCES = {
    "pyflink": {
        "runtime/session.py",
        "connectors/flink_functions.py",
        "bench/row_function.py",
        "jobs/run_plan.py",
        "training/streaming/",
    },
    "py4j": {"runtime/session.py"},
    "kafka": {"connectors/kafka.py"},
    "confluent_kafka": {"connectors/kafka_producer.py"},
    "cassandra": {"connectors/cassandra.py", "bench/driver_rival.py"},
    "pyiceberg": {"connectors/iceberg.py", "connectors/iceberg_schema.py"},
    "deltalake": {"connectors/delta.py"},
    "ibis": {"features/", "bench/views/"},
    "torch": {"training/", "bench/tensors/", "bench/trainer/"},
    "safetensors": {"training/"},
    "matplotlib": {"training/"},
}

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
P90_FUNCTION_LINES = 25


ROOMS = [room for room in rooms() if room != "examples"]
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "headrace":
                yield from (f"headrace.{name.name}" for name in node.names)


def layer_of(room: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if room in names)


def edges() -> Iterator[tuple[Path, str, str]]:
    """(file, imported room, imported module) for every import between rooms."""
    for file in FILES:
        own = file.relative_to(ROOT).parts[0]
        for module in imports(file):
            parts = module.split(".")
            if parts[0] == "headrace" and len(parts) > 1 and parts[1] != own and parts[1] in {*ROOMS, "errors"}:
                yield file, parts[1], module


def test_imports_between_rooms_only_go_down() -> None:
    wrong = []
    for file, room, module in edges():
        own = file.relative_to(ROOT).parts[0]
        allowed = SIDEWAYS.get((own, room), set())
        if layer_of(room) <= layer_of(own) and module.split(".")[2:3] not in [[name] for name in allowed]:
            wrong.append(f"{file.relative_to(ROOT)} imports {module}")
    assert not wrong, wrong


def test_every_room_with_code_is_installed() -> None:
    holding = {
        file.parent.name
        for file in ROOT.glob("*/__init__.py")
        if file.parent.name not in {"headrace", "tests"} and not file.parent.name.startswith(".")
    }
    assert holding == {*ROOMS, "examples"}


@pytest.mark.parametrize("sdk", FENCES)
def test_heavy_sdk_stays_behind_its_fence(sdk: str) -> None:
    using = {str(file.relative_to(ROOT)) for file in FILES for module in imports(file) if module.split(".")[0] == sdk}
    outside = {file for file in using if not any(file.startswith(allowed) for allowed in FENCES[sdk])}
    assert not outside


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_not_importable_by_its_bare_name(room: str) -> None:
    command = [sys.executable, "-c", f"import importlib.util as u; print(u.find_spec({room!r}) is None)"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONSAFEPATH": "1"})
    assert run.stdout.strip() == "True"


def test_importing_headrace_loads_no_heavy_sdk() -> None:
    code = "import sys, headrace; print([m for m in sys.modules if m.split('.')[0] in " + repr(set(FENCES)) + "])"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_files_can_be_read_in_one_sitting() -> None:
    long = {
        str(file.relative_to(ROOT)): n for file in FILES if (n := len(file.read_text().splitlines())) > MAX_FILE_LINES
    }
    assert not long


def functions() -> Iterator[tuple[str, int]]:
    """Each function with its length, docstring excluded."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if ast.get_docstring(node):
                    doc = node.body[0]
                    assert doc.end_lineno is not None
                    length -= doc.end_lineno - doc.lineno + 1
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", length


def test_functions_are_small() -> None:
    lengths = dict(functions())
    too_long = {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES}
    assert not too_long
    ordered = sorted(lengths.values())
    assert ordered[int(len(ordered) * 0.9)] <= P90_FUNCTION_LINES
