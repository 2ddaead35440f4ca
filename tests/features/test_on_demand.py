"""On-demand features as they are written: what they are traced to, and what is refused, at its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnknownColumnError, UnsupportedError
from headrace.features import load_views

HEAD = """
from datetime import datetime, timedelta
import ibis
from headrace import (
    Features, FeaturePipeline, IcebergTable, Request, Source, WindowSpec, event_time, on_demand, transformation, udf
)

class Tx(Source):
    history = IcebergTable("raw.tx")
    account: str
    merchant: str
    amt: float
    at: datetime = event_time()

@transformation
def n(tx: Tx, wspec: WindowSpec):
    return tx.groupby("account").window(wspec).count()

@transformation
def mean(tx: Tx, wspec: WindowSpec):
    return tx.groupby("merchant")["amt"].window(wspec).mean()

@transformation
def share(tx: Tx, wspec: WindowSpec):
    return tx[tx.amt > 1].groupby("account").window(wspec).count() / tx.groupby("account").window(wspec).count()

@transformation
def newest(tx: Tx):
    return tx.groupby("account")["at"].last()

@transformation
def latest(tx: Tx):
    return tx.groupby("account")["amt"].last_n(3)

@udf(returns=float)
def twice(amt):
    return amt

class Checkout(Request):
    paid: float
    note: str | None
"""
VIEW = """
class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [n.over("1h", WindowSpec("1h", lag="1d")), mean.over("1h"), share.over("1h"), newest, latest{}]
"""
Plan = Callable[..., ViewPlan]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of the view with these pieces before it and these features more."""

    def make(pieces: str, *names: str) -> ViewPlan:
        path = tmp_path / "user.py"
        path.write_text(HEAD + pieces + VIEW.format("".join(f", {name}" for name in names)))
        return plan_view(load_views(path).views["fraud"])

    return make


def written(body: str, name: str = "d", parameters: str = "req: Checkout, f: Features") -> str:
    return f"\n@on_demand\ndef {name}({parameters}):\n    return {body}\n"


@pytest.mark.parametrize(
    ("body", "text", "inputs", "request_"),
    [
        ("f.n_1h + 1", "add(n_1h, 1)", ["n_1h"], []),
        ("f['n_1h_lag_1d']", "n_1h_lag_1d", ["n_1h_lag_1d"], []),
        ("f.share_1h", "finite(share_1h)", ["share_1h"], []),
        ("req.paid / f.mean_1h", "finite(divide(paid, finite(mean_1h)))", ["mean_1h"], ["paid"]),
        ("f.newest + timedelta(hours=1)", "add(newest, 3600000000)", ["newest"], []),
        ("req['note'].length()", "length(note)", [], ["note"]),
        ("ibis.ifelse(req.paid > 1, req.note, 'low')", None, [], ["paid", "note"]),
    ],
)
def test_a_body_becomes_a_scalar_over_features_and_request_columns(
    plan: Plan, body: str, text: str | None, inputs: list[str], request_: list[str]
) -> None:
    (found,) = plan(written(body), "d").on_demand
    assert text is None or found.scalar.text() == text
    assert (list(found.inputs), [column.name for column in found.request]) == (inputs, request_)


def test_features_may_use_one_another_in_any_order(plan: Plan) -> None:
    found = plan(written("f.e * 2") + written("f.n_1h / req.paid", "e"), "d", "e")
    assert [one.name for one in found.on_demand] == ["d", "e"]
    inner = "finite(divide(cast:float(n_1h), paid))"
    assert [one.scalar.text() for one in found.on_demand] == [f"finite(multiply({inner}, cast:float(2)))", inner]
    assert [key.name for key in found.keys_of(found.on_demand[0])] == ["account"]


def test_a_feature_may_be_of_entities_of_two_kinds(plan: Plan) -> None:
    found = plan(written("f.n_1h / f.mean_1h"), "d")
    assert [key.name for key in found.keys_of(found.on_demand[0])] == ["account", "merchant"]


WRONG = [
    (written("f.m_1h"), UnknownColumnError, "'m_1h' is no feature of the view; did you mean 'n_1h'"),
    (written("req.payed"), UnknownColumnError, "'payed' is no column of Checkout; did you mean 'paid'"),
    (written("f.d + 1"), DefinitionError, "features in a circle: d needs d"),
    (written("f.latest"), UnsupportedError, "'latest' is a list"),
    (written("1"), DefinitionError, "expected an expression of features"),
    (written("ibis.literal(1)"), DefinitionError, "reads 0 columns"),
    (written("f.n_1h + f.newest"), DefinitionError, "unsupported operand"),
    (written("f.newest - f.newest"), ColumnTypeError, "cannot be interval"),
    (written("f.n_1h / 0"), DefinitionError, "division by the constant zero"),
    (written("twice(f.mean_1h) + 1"), UnsupportedError, "calls the function 'twice'"),
    (written("f.n_1h.sum()"), UnsupportedError, "'Sum' is not supported"),
    (written("f.n_1h > 1 and f.n_1h"), ColumnTypeError, r"write & \| ~ with parentheses"),
    (written("1 / nothing"), DefinitionError, "name 'nothing' is not defined"),
    (written("f.n_1h", parameters="f"), DefinitionError, "must be written `def d"),
    (written("f.n_1h", parameters=""), DefinitionError, "found parameters none"),
    (written("f.n_1h", parameters="f: Features, g: Features"), DefinitionError, "must be written `def d"),
    (written("f.n_1h", parameters="f: 'Nothing'"), DefinitionError, "an annotation is unknown"),
]


@pytest.mark.parametrize(("piece", "kind", "message"), WRONG)
def test_a_wrong_body_is_refused_at_its_line(plan: Plan, piece: str, kind: type[HeadraceError], message: str) -> None:
    with pytest.raises(kind, match=message) as found:
        plan(piece, "d")
    first = HEAD.count("\n") + 2
    assert re.match(rf".*user\.py:({first}|{first + 2}): d", str(found.value))


def test_a_circle_is_refused_where_it_closes(plan: Plan) -> None:
    pieces = written("f.e") + written("f.g + 1", "e") + written("f.d", "g")
    with pytest.raises(
        DefinitionError, match=r"user\.py:\d+: g: features in a circle: d needs e needs g needs d"
    ) as it:
        plan(pieces, "d", "e", "g")
    assert f"user.py:{HEAD.count(chr(10)) + 12}: g" in str(it.value)


def test_features_that_double_are_refused_before_they_are_endless(plan: Plan) -> None:
    pieces = written("f.n_1h", "d0") + "".join(written(f"f.d{i} + f.d{i}", f"d{i + 1}") for i in range(11))
    with pytest.raises(DefinitionError, match="d10: reads 1,024 columns"):
        plan(pieces, *(f"d{i}" for i in range(12)))


OTHER = "\nclass Other(Request):\n    paid: {}\n"
VIEWS = [
    (written("f.mean_1h", "n_1h"), ["n_1h"], "feature 'n_1h' is there twice"),
    (written("f.n_1h"), ["d", "d"], "feature 'd' is there twice"),
    (written("f.n_1h", "account"), ["account"], "feature 'account' has the name of a key"),
    (
        OTHER.format("int") + written("req.paid + other.paid", parameters="req: Checkout, other: Other"),
        ["d"],
        r"request column 'paid' at .*user\.py:\d+ has another type",
    ),
    (
        "\nclass Named(Request):\n    merchant: str\n" + written("req.merchant", parameters="req: Named"),
        ["d"],
        "request column 'merchant' at .* has the name of a feature or key",
    ),
    (
        "\nclass Named(Request):\n    d: str\n" + written("req.d", parameters="req: Named"),
        ["d"],
        "request column 'd' at .* has the name of a feature or key",
    ),
]


@pytest.mark.parametrize(("pieces", "names", "message"), VIEWS)
def test_names_that_clash_are_refused_with_the_view(plan: Plan, pieces: str, names: list[str], message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as found:
        plan(pieces, *names)
    assert re.match(r".*user\.py:\d+: view Fraud: ", str(found.value))


def test_on_demand_features_alone_have_no_source(tmp_path: Path) -> None:
    view = '\nclass Fraud(FeaturePipeline):\n    owner = "a@b.c"\n    features = [d]\n'
    (tmp_path / "user.py").write_text(HEAD + written("req.paid") + view)
    with pytest.raises(DefinitionError, match="on-demand features alone have no source"):
        load_views(tmp_path / "user.py")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "no columns"),
        ("paid: list", "column 'paid' has type"),
        ("paid: 'Nothing'", "the type of a column is unknown"),
        ("paid: float = 1.0", "a request has annotated columns only"),
        ("Paid: float", "no valid name"),
    ],
)
def test_a_wrong_request_is_refused_at_its_line(plan: Plan, body: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as found:
        plan(f"\nclass Wrong(Request):\n    {body}\n")
    assert re.match(rf".*user\.py:{HEAD.count(chr(10)) + 2}: ", str(found.value))


def test_one_more_is_another_version_over_the_same_tiles(plan: Plan) -> None:
    without, one = plan(""), plan(written("f.n_1h"), "d")
    assert one.groups == without.groups
    versions = {without.version, one.version}
    for piece in (written("f.n_1h + 1"), written("f.n_1h_lag_1d"), written("req.paid"), written("f.mean_1h")):
        found = plan(piece, "d")
        assert found.groups == without.groups
        versions.add(found.version)
    assert len(versions) == 6


def test_what_computes_nothing_keeps_the_version(plan: Plan) -> None:
    documented = written("f.n_1h").replace("    return", '    """How many."""\n    return')
    assert plan(documented, "d").version == plan(written("f.n_1h"), "d").version


def test_a_plan_is_read_back_as_it_was(plan: Plan) -> None:
    found = plan(written("req.paid / f.mean_1h"), "d")
    assert ViewPlan.from_json(found.to_json()) == found
