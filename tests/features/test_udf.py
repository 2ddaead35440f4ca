"""Functions of users: which part of a file they are made of, what changes a feature, and what is refused where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.calls import Argument, Call
from headrace.compiler.plan import ViewPlan
from headrace.connectors.arrow_function import ArrowFunction
from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnsupportedError
from headrace.features import load_views
from headrace.features.function import UserFunction
from headrace.features.sql.text import view_sql

HEAD = """from datetime import datetime
import json
import pyarrow as pa
import pyarrow.compute as pc
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation, udf

class Tx(Source):
    live = KafkaTopic("tx")
    account: str
    amt: float
    note: str | None
    ts: datetime = event_time()
"""
RISK = """
@udf(returns=float)
def risk(amt):
    return pc.multiply(amt, 2.0)
"""
VIEW = """
@transformation
def f(tx: Tx, wspec: WindowSpec):
    return tx.groupby("account")[{argument}].window(wspec).sum()

class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [f.over("1h")]
"""
Plan = Callable[..., ViewPlan]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of a file with a function."""

    def make(function: str, argument: str = "risk(tx.amt)", before: str = "", view: str = VIEW) -> ViewPlan:
        file = tmp_path / "user.py"
        file.write_text(before + HEAD + function + view.replace("{argument}", argument))
        return plan_view(load_views(file).views["fraud"])

    return make


def function_of(plan: ViewPlan) -> UserFunction:
    (call,) = plan.groups[0].partials[0].argument.calls()
    assert call.function is not None
    return call.function


def text_of(plan: ViewPlan) -> str:
    return "\n".join(statement.text for statement in function_of(plan).statements)


def called(plan: ViewPlan) -> Any:
    """What a worker gives for 1.0."""
    function = ArrowFunction(Call(function_of(plan), (Argument("float"),)))
    return function.answer(pa.array([True]), [pa.array([1.0])]).values[0].as_py()


NEEDY = """
LIMITS = {"low": 1.0}
LIMITS["high"] = 9.0
LIMITS.update(middle=5.0)
OTHER = [1, 2, 3]
amt = "the name of an argument, not what it reads"

class Bounds:
    high = LIMITS["high"]

def clipped(values):
    return pc.min_element_wise(values, Bounds.high)

def unused(values):
    return OTHER

@udf(returns=float)
def risk(amt):
    doubled = [clipped(amt) for f in (1,)]
    return doubled[0]
"""


def test_a_function_takes_along_what_it_reads_and_nothing_else(plan: Plan) -> None:
    text = text_of(plan(NEEDY))
    for needed in (
        "import pyarrow.compute as pc",
        'LIMITS["high"] = 9.0',
        "LIMITS.update",
        "class Bounds",
        "def clipped",
    ):
        assert needed in text
    for other in ("OTHER", "import json", "class Tx", "def unused", "amt =", "@udf", "def f("):
        assert other not in text


READS_HIGH = """
@udf(returns=float)
def risk(amt):
    return pc.multiply(amt, HIGH.get("casino", 1.0))
"""
#: A first line, and what makes HIGH something else, each in a way of its own.
CHANGES = [
    ("HIGH = {}", 'for name in ("casino", "jewels"):\n    HIGH[name] = 9.0'),
    ("HIGH = {}", 'with open("/dev/null") as file:\n    HIGH.update(casino=9.0)'),
    ("HIGH = {}", 'try:\n    HIGH["x"] = 2.0\nexcept ValueError as error:\n    raise'),
    ("HIGH = {}", 'if first := 1.0:\n    HIGH["x"] = first'),
    ("HIGH = {'casino': 9.0}", "LAST = HIGH.popitem()"),
    ("HIGH = {'casino': 9.0}", "LAST = HIGH['x'] = 2.0"),
    ("HIGH: dict[str, float] = {}", "CHANGED: None = HIGH.update(casino=9.0)"),
    ("HIGH = {}", "HIGH.update(casino=9.0)"),
]


@pytest.mark.parametrize(("first", "then"), CHANGES, ids=[then for _, then in CHANGES])
def test_whatever_may_change_what_a_function_reads_goes_along(plan: Plan, first: str, then: str) -> None:
    alone, changed = plan(f"{first}\n{READS_HIGH}"), plan(f"{first}\n{then}\n{READS_HIGH}")
    assert then in text_of(changed)
    assert alone.groups[0].fingerprint != changed.groups[0].fingerprint


def test_a_constant_that_a_package_makes_is_no_part_of_the_package(plan: Plan) -> None:
    assert "THREE" not in text_of(plan("THREE = pc.add(1, 2)\n" + RISK))


def test_what_uses_a_builtin_is_no_part_of_it(plan: Plan) -> None:
    others = "THREE = float(3)\nfor one in range(2):\n    THREE += float(one)\n"
    assert "THREE" not in text_of(plan(others + RISK.replace("2.0", "float(range(3)[2])")))


def test_statements_on_one_line_run_once(plan: Plan) -> None:
    assert text_of(plan("HIGH = {}; LAST = HIGH.setdefault('casino', 1.0)\n" + READS_HIGH)).count("LAST =") == 1


#: What stands in the file, what the function reads of it, and what that is.
CLASSES = [
    ("HIGH: dict[str, float] = {'a': 9.0}", "HIGH['a']", 9.0),
    ("class Rule:\n    base = 1.0\n    high = base * 2", "Rule.high", 2.0),
    ("base = 3.0\nclass Rule:\n    base = base * 2", "Rule.base", 6.0),
    ("from enum import Enum\nclass Kind(Enum):\n    A = 1.5\n    B = A * 2", "Kind.B.value", 3.0),
    ("from typing import NamedTuple\nclass Rule(NamedTuple):\n    high: float\nR = Rule(2.5)", "R.high", 2.5),
    (
        "from dataclasses import dataclass\nfrom typing import ClassVar\n@dataclass\nclass Rule:\n"
        "    high: float\n    most: ClassVar[float] = 7.0",
        "Rule(3.5).high",
        3.5,
    ),
    (
        "class Rule:\n    @property\n    def v(self):\n        return self._v\n    @v.setter\n"
        "    def v(self, n):\n        self._v = n\nR = Rule()\nR.v = 4.0",
        "R.v",
        4.0,
    ),
]


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["", "future"])
@pytest.mark.parametrize(("classes", "read", "given"), CLASSES, ids=[read for _, read, _ in CLASSES])
def test_names_of_classes_and_annotations_are_no_names_of_the_file(
    plan: Plan, classes: str, read: str, given: float, future: str
) -> None:
    assert called(plan(f"{classes}\n{RISK.replace('2.0', read)}", before=future)) == given


def test_a_name_that_neither_a_class_nor_its_file_defines_is_refused(plan: Plan) -> None:
    rule = "class Rule:\n    low = 1.0\n    def high(self):\n        return lower\n"
    with pytest.raises(DefinitionError, match="it reads 'lower'"):
        plan(rule + RISK.replace("2.0", "Rule.low"))


@pytest.mark.parametrize("end", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028"])
def test_what_python_takes_for_no_end_of_a_line_is_none(plan: Plan, end: str) -> None:
    separator = f'SEP = """a{end}b"""\n'
    assert called(plan(separator + RISK.replace("2.0", "float(len(SEP))"))) == 3.0
    assert called(plan(f"#{end}" + RISK)) == 2.0


def test_a_statement_of_which_a_line_holds_a_part_only_is_refused(plan: Plan) -> None:
    with pytest.raises(UnsupportedError, match=r"user\.py:\d+: .*risk.*each statement on lines of its own.*was never"):
        plan("TWO = 2.0; OTHER = [\n    1]\n" + RISK.replace("2.0", "TWO"))


def test_a_function_may_call_what_another_udf_wraps(plan: Plan) -> None:
    both = RISK.replace("risk", "first") + "\n@udf(returns=float)\ndef risk(amt):\n    return first(amt)\n"
    text = text_of(plan(both))
    assert "def first" in text
    assert "@udf" not in text


def test_the_source_stands_on_the_lines_of_the_file(plan: Plan) -> None:
    found = function_of(plan(RISK, before="from __future__ import annotations\n"))
    line = 1 + (HEAD + RISK).splitlines().index("    return pc.multiply(amt, 2.0)") + 1
    assert found.source.splitlines()[line - 1] == "    return pc.multiply(amt, 2.0)"
    assert found.source.startswith("from __future__ import annotations\n")


CHANGED = [
    ("another body", RISK.replace("2.0", "3.0")),
    ("a comment within it", RISK.replace("    return", "    # twice\n    return")),
    ("another policy", RISK.replace("returns=float", 'returns=float, on_error="fail"')),
    ("what it reads", RISK.replace("2.0", "TWO") + "\nTWO = 2.0\n"),
]
UNCHANGED = [
    ("where it stands", "\n\n\n" + RISK),
    ("a comment before it", "\n# about it\n" + RISK),
    ("what it does not read", RISK + "\nTHREE = 3.0\n"),
]


@pytest.mark.parametrize("changed", [text for _, text in CHANGED], ids=[name for name, _ in CHANGED])
def test_changed_code_is_a_new_tile_fingerprint_and_version(plan: Plan, changed: str) -> None:
    old, new = plan(RISK), plan(changed)
    assert old.groups[0].fingerprint != new.groups[0].fingerprint
    assert old.version != new.version


@pytest.mark.parametrize("same", [text for _, text in UNCHANGED], ids=[name for name, _ in UNCHANGED])
def test_code_that_stays_keeps_fingerprint_and_version(plan: Plan, same: str) -> None:
    old, new = plan(RISK), plan(same)
    assert old.groups[0].fingerprint == new.groups[0].fingerprint
    assert old.version == new.version


COUNT = """
@transformation
def g(tx: Tx, wspec: WindowSpec):
    return tx.groupby(["account", "note"]).window(wspec).count()
"""


def test_a_function_is_in_every_fingerprint_of_its_view_for_where_it_raises_no_feature_has_the_row(plan: Plan) -> None:
    both = VIEW.replace("f.over", 'g.over("1h"), f.over')
    counted = [plan(COUNT + function, view=both).groups[0] for function in (RISK, RISK.replace("2.0", "3.0"))]
    assert not any(group.partials for group in counted)
    assert counted[0].fingerprint != counted[1].fingerprint


REFUSED = [
    (
        RISK.replace("pc.multiply", "pd.multiply"),
        "risk(tx.amt)",
        DefinitionError,
        r"user\.py:\d+: it reads 'pd', .*known: .* pa, pc",
    ),
    (
        RISK.replace("float", "bytes"),
        "risk(tx.amt)",
        DefinitionError,
        r"user\.py:\d+: udf\(returns=.*bytes.*expected one of int",
    ),
    (
        RISK.replace("float", "float, on_error='drop'"),
        "risk(tx.amt)",
        DefinitionError,
        r"on_error='drop'\) is unknown; .*dead_letter",
    ),
    (RISK.replace("(amt)", "(*amt)", 1), "risk(tx.amt)", DefinitionError, "must take arrays by name"),
    (RISK.replace("(amt)", "(amt, factor=2)", 1), "risk(tx.amt)", DefinitionError, "without defaults"),
    (RISK, "risk(tx.amt, tx.note)", DefinitionError, r"user\.py:\d+: f: risk\(amt\): too many positional arguments"),
    (RISK, "risk(tx.amnt)", DefinitionError, "'amnt' is no column of Tx; did you mean 'amt'"),
    (RISK, "risk(None)", DefinitionError, "a bare None has no type"),
    (RISK, "risk(1.0)", ColumnTypeError, r"risk\(\) needs a column among its arguments"),
    (RISK, "risk(tx.ts - tx.ts)", ColumnTypeError, r"an argument of risk\(\) of interval is not supported"),
    (
        "def outer():\n" + RISK.replace("\n", "\n    ") + "\n    return risk\nrisk = outer()\n",
        "risk(tx.amt)",
        UnsupportedError,
        "at the top level",
    ),
    (
        RISK.replace("    return", "    import mine\n    return"),
        "risk(tx.amt)",
        UnsupportedError,
        r"imports 'mine', .* not installed",
    ),
    (
        RISK.replace("    return", "    from . import mine\n    return"),
        "risk(tx.amt)",
        UnsupportedError,
        r"not installed",
    ),
]


@pytest.mark.parametrize(("function", "argument", "error", "message"), REFUSED)
def test_what_cannot_be_meant_is_refused_at_load(
    plan: Plan, function: str, argument: str, error: type[HeadraceError], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan(function, argument)


def test_a_module_beside_the_file_is_refused_though_it_can_be_imported_here(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("TWO = 2.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        UnsupportedError, match=r"user\.py:\d+: line \d+ imports 'mine', a module that is not installed"
    ):
        plan("import mine\n" + RISK.replace("2.0", "mine.TWO"))


def test_sql_names_the_function_that_it_cannot_call(plan: Plan, tmp_path: Path) -> None:
    plan(RISK)
    view = load_views(tmp_path / "user.py").views["fraud"]
    with pytest.raises(UnsupportedError, match=r"risk\(\) is a Python function, which SQL cannot call"):
        view_sql(view, "user.py")
