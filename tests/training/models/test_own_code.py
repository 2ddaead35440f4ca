"""The user's own code behind a model: what its files say, wherever they lie, and nothing of what is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from headrace.features.module import run_file
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.models.own_code import definition_code, named_code

FILES = {
    "trips.py": "import json\nimport numpy\nimport nets\nfrom shapes import sizes\n\nclass Trips:\n    ...\n",
    "nets.py": "def late():\n    import layers\n",
    "layers.py": "import nets\nWIDTH = 8\n",
    "shapes/__init__.py": "",
    "shapes/sizes.py": "from . import more\nfrom .rounder import ROUND\n",
    "shapes/more.py": "",
    "shapes/rounder.py": "ROUND = 2\n",
    "unrelated.py": "import trips\n",
}
IMPORTED = {"nets", "layers", "shapes", "shapes.sizes", "shapes.more", "shapes.rounder"}
#: Modules that files of some tests import besides, which must not stay imported either.
MORE = {"definition", "rates"}


def written(folder: Path, **changed: str) -> Path:
    for name, text in {**FILES, **{f"{name}.py": text for name, text in changed.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def code_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The code of the class in a file, whose modules are those beside it."""
    with monkeypatch.context() as context:
        context.syspath_prepend(file.parent)
        for name in (IMPORTED | MORE) & sys.modules.keys():
            context.delitem(sys.modules, name)
        kind: type = run_file(file).Trips
    for name in (IMPORTED | MORE) & sys.modules.keys():
        del sys.modules[name]
    return definition_code(kind)


def test_it_is_that_of_the_file_and_of_all_that_is_imported_from_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = code_of(written(tmp_path) / "trips.py", monkeypatch)
    assert found.keys() == {"<definition>"} | IMPORTED
    assert found["layers"] == sha256(FILES["layers.py"].encode()).hexdigest()


def test_it_is_the_same_in_another_place_and_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_of(written(tmp_path / "here") / "trips.py", monkeypatch)
    file = (written(tmp_path / "there", unrelated="other") / "trips.py").rename(tmp_path / "there" / "journeys.py")
    assert code_of(file, monkeypatch) == before


def test_of_another_module_and_of_another_comment_it_says_which_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_of(written(tmp_path / "here") / "trips.py", monkeypatch)
    changed = {"layers": "WIDTH = 9\n", "trips": FILES["trips.py"] + "# now\n"}
    after = code_of(written(tmp_path / "there", **changed) / "trips.py", monkeypatch)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {
        "<definition>",
        "layers",
    }


def test_a_module_that_is_named_definition_is_own_code_as_any_other_and_so_is_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"from definition import late\n{FILES['trips.py']}"
    modules = {"definition": "from rates import late\n", "rates": "def late():\n    ...\n"}
    before = code_of(written(tmp_path / "here", trips=text, **modules) / "trips.py", monkeypatch)
    changed = {**modules, "rates": f"{modules['rates']}# now\n"}
    after = code_of(written(tmp_path / "there", trips=text, **changed) / "trips.py", monkeypatch)
    assert before["<definition>"] == sha256(text.encode()).hexdigest()
    assert before["definition"] == sha256(modules["definition"].encode()).hexdigest()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {"rates"}


def test_an_interactive_definition_has_none_nor_has_what_headrace_declares(tmp_path: Path) -> None:
    assert definition_code(type("Typed", (), {"__module__": "__no_such_module__"})) == {}
    file = written(tmp_path) / "unrelated.py"
    file.write_text("class Trips:\n    ...\n")
    gone: type = run_file(file).Trips
    file.unlink()
    assert definition_code(gone) == {}
    assert definition_code(TrainingPipeline) == {}


def test_modules_that_are_named_or_given_as_files_are_own_code_and_installed_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    (tmp_path / "modules.zip").write_bytes(b"an archive")
    values = {
        "model": {"module": "nets:Net"},
        "others": ["numpy:array", "headrace.names:NAME", "nowhere:x", "12:30", 7],
    }
    assert named_code(values) == {}
    assert named_code([], [tmp_path / "shapes", tmp_path / "nets.py", tmp_path / "modules.zip"]).keys() == {
        "__init__",
        "sizes",
        "more",
        "rounder",
        "nets",
        "modules.zip",
    }
    monkeypatch.syspath_prepend(tmp_path)
    assert named_code(values).keys() == {"nets", "layers"}
