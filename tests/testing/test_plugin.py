"""Tables of features as tests: what pytest says of right ones, wrong ones and misspelt ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from headrace.errors import DefinitionError
from headrace.testing.tables import read_table

FEATURES = """
from datetime import datetime
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation

class Payments(Source):
    live = KafkaTopic("payments")
    card: str
    cents: int
    at: datetime = event_time()

@transformation
def spent(payments: Payments, wspec: WindowSpec):
    return payments.groupby("card")["cents"].window(wspec).sum()

class Cards(FeaturePipeline):
    owner = "risk@example.com"
    features = [spent.over("1h")]
"""
TABLE = """
view: features.py
rows:
  - {card: a, cents: 10, at: 2026-01-01T10:00:00Z}
  - {card: a, cents: 5, at: 2026-01-01T10:30:00Z, _arrives: 2026-01-03T00:00:00Z}
  - {card: b, cents: 7, at: "2026-01-01T10:30:00+00:00"}
expect:
  - {at: 2026-01-01T11:00:00Z, entity: {card: a}, values: {spent_1h: 10}}
  - {at: 2026-01-01T11:00:00.000001Z, entity: {card: a}, values: {spent_1h: null}}
  - {at: 2026-01-01T11:00:00.000001Z, windows: tiled, entity: {card: a}, values: {spent_1h: 10}}
  - {at: 2026-01-01T11:00:00Z, entity: {card: b}, values: {spent_1h: 7}, verdicts: {accepted: 2, late: 1}}
"""


#: What is misspelt, how, and what pytest says of it.
MISSPELT = [
    ("expect:", "expects:", "expects: Extra inputs are not permitted"),
    ("late: 1", "late: many", "expect.3.verdicts.late: Input should be a valid integer"),
    ("view: features.py", "view: features.py:card", "'features.py:card': did you mean 'cards'"),
    ("view: features.py", "view: nowhere.py", "nowhere.py: no such Python file"),
    ("rows:", "rows: [", "wrong-4.features.yaml: while parsing"),
    ("values: {spent_1h: 7}, verdicts: {accepted: 2, late: 1}", "values: {}", "expects nothing; give `values` or"),
    ("{spent_1h: 7}", "{spent_1h: 7, spent_1h: 8}", "key 'spent_1h' is there twice"),
    ("rows:", "rows: []\nrows:", "key 'rows' is there twice\n  in \"<unicode string>\", line 4, column 1"),
    ("rows:", "rows:\n  - PUASE", "rows.0: Value error, 'PUASE' is neither a row nor a marker; did you mean 'PAUSE'"),
    ("card: a, cents", "card: a, cent", "row 0: source Payments has no column 'cent'; did you mean 'cents'"),
    ("{spent_1h: 7}", "{spend_1h: 7}", "no feature 'spend_1h'; did you mean 'spent_1h'"),
]


def run(folder: Path, tables: Mapping[str, str]) -> tuple[int, str]:
    """pytest over a folder with a feature file and tables, in a process of its own, as users run it."""
    (folder / "features.py").write_text(FEATURES)
    for name, text in tables.items():
        (folder / f"{name}.features.yaml").write_text(text)
    command = [sys.executable, "-m", "pytest", "--rootdir", str(folder), "-p", "no:cacheprovider", "-v", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_each_expectation_is_a_test(tmp_path: Path) -> None:
    wrong = TABLE.replace("values: {spent_1h: 10}}", "values: {spent_1h: 11}}", 1).replace("late: 1", "late: 0")
    code, said = run(tmp_path, {"right": TABLE, "wrong": wrong})
    assert code == 1
    assert "2 failed, 6 passed" in said
    assert said.count("right.features.yaml::0-2026-01-01T11:00:00+00:00 PASSED") == 1
    assert "cards:spent_1h of card='a' at 2026-01-01T11:00:00+00:00: expected 11, found 10" in said
    assert "card='a', cents=10, at='2026-01-01T10:00:00+00:00'" in said
    assert "rows late: expected 0, found 1" in said
    assert "Traceback" not in said


def test_markers_among_rows_are_bare_words(tmp_path: Path) -> None:
    marked = TABLE.replace("rows:", "rows:\n  - CRASH\n  - PAUSE").replace("expect:", "  - PAUSE\nexpect:")
    code, said = run(tmp_path, {"marked": marked})
    assert (code, "4 passed" in said) == (0, True)


def test_the_end_of_a_source_is_a_bare_word_that_nothing_follows(tmp_path: Path) -> None:
    file = tmp_path / "ends.features.yaml"
    file.write_text(TABLE.replace("expect:", "  - EOF\nexpect:"))
    ended = read_table(file)
    file.write_text(TABLE)
    assert ended == read_table(file)
    file.write_text(TABLE.replace("rows:", "rows:\n  - EOF"))
    with pytest.raises(DefinitionError, match=r"ends.features.yaml: rows: .*row 1: \{.*\} after EOF, where the source"):
        read_table(file)


def test_a_misspelt_table_is_an_error_at_its_place(tmp_path: Path) -> None:
    tables = {f"wrong-{number}": TABLE.replace(old, new, 1) for number, (old, new, _) in enumerate(MISSPELT)}
    code, said = run(tmp_path, tables)
    assert code != 0
    assert [says for _, _, says in MISSPELT[:9] if says not in said] == []
    assert "Traceback" not in said
    loadable = {name: text for name, text in tables.items() if name in {"wrong-9", "wrong-10"}}
    for name in tables.keys() - loadable:
        (tmp_path / f"{name}.features.yaml").unlink()
    code, said = run(tmp_path, loadable)
    assert "5 failed, 3 passed" in said
    assert [says for _, _, says in MISSPELT[9:] if says not in said] == []


def test_loading_the_plugin_loads_no_engine() -> None:
    heavy = "import sys, headrace.testing.plugin; print(sorted({'duckdb', 'ibis', 'pyarrow'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
