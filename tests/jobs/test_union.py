"""Rows of a union in commands and in tests of users: each says which source it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.compiler.explain import columns_of_part, planned, written
from headrace.errors import DefinitionError, RequestError, SettingsError
from headrace.features.load import load_views
from headrace.jobs.definitions import source_plan, view_plan
from headrace.jobs.inputs import given_or_history
from headrace.pipelines.local_run import run_locally
from headrace.testing import SOURCE, assert_feature_equal, evaluate

from ..features.test_union import AT, BOTH, CARD, HEAD, VIEW, union  # noqa: TID252 (the same definitions)

CARDS = "pan,cents,fee,at\na,100,0,2026-01-01T10:00:00Z\nb,7,0,2026-01-01T10:00:00Z\n"
WIRES = "iban,cents,fee,at,sent_at\na,20,0,2026-01-01T00:00:00Z,2026-01-01T10:30:00Z\n,5,0,,2026-01-01T10:30:00Z\n"
NOON = "2026-01-01T11:00:00Z"


@pytest.fixture
def features(tmp_path: Path) -> Path:
    file = tmp_path / "user.py"
    file.write_text(HEAD + union(BOTH, CARD, "cents: int", AT) + VIEW)
    (tmp_path / "cards.csv").write_text(CARDS)
    (tmp_path / "wires.csv").write_text(WIRES)
    return file


def never(name: str) -> Any:
    raise AssertionError(name)


def test_each_source_of_a_union_has_an_input_of_its_own(features: Path) -> None:
    plan, folder = view_plan(features), features.parent
    given = given_or_history(plan, [f"Wires={folder / 'wires.csv'}", f"Cards={folder / 'cards.csv'}"])
    found = run_locally(plan, given, never)
    (table,) = found.tables
    assert dict(zip(table["card"].to_pylist(), table["spent_1h"].to_pylist(), strict=True)) == {"a": 120, "b": 7}
    assert (found.verdicts["accepted"], found.verdicts["dead_letter"]) == (3, 1)
    assert found.reasons == {"at is missing": 1}


def test_a_source_without_an_input_is_read_from_its_history(features: Path) -> None:
    assert given_or_history(view_plan(features), ["Wires=wires.csv"]) == {"Cards": "raw.cards", "Wires": "wires.csv"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["cards.csv"], "expected SOURCE=INPUT"),
        (["Cards=a.csv", "Cards=b.csv"], r"--input 'Cards=b.csv': expected SOURCE=INPUT, each source once"),
        (["Card=cards.csv"], "--input: rows of 'Card': Payments has no such source; did you mean 'Cards'"),
        ([], r"source Wires has no history; name its rows: --input Wires=rows.csv"),
    ],
)
def test_an_input_that_is_of_no_source_is_refused(features: Path, given: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        given_or_history(view_plan(features), given)


def test_rows_that_are_of_no_source_are_refused_before_histories_are_asked_for(features: Path) -> None:
    """`Wires` has no history, which is not what is wrong."""
    with pytest.raises(RequestError, match="rows of 'Wire': Payments has no such source; did you mean 'Wires'"):
        headrace.run(features, {"Wire": features.parent / "wires.csv"})


def test_one_input_is_not_enough_for_a_union(features: Path) -> None:
    with pytest.raises(RequestError, match="Payments is a union: expected the rows of each"):
        run_locally(view_plan(features), "cards.csv", never)


def test_its_sources_are_archived_and_not_the_union(features: Path) -> None:
    assert source_plan(features, "Wires").name == "Wires"
    with pytest.raises(DefinitionError, match="no source 'Payments'"):
        source_plan(features, "Payments")


ROWS = [
    {SOURCE: "Cards", "pan": "a", "cents": 100, "fee": 0, "at": "2026-01-01T10:00:00Z"},
    {SOURCE: "Wires", "iban": "a", "cents": 20, "fee": 0, "at": NOON, "sent_at": "2026-01-01T10:30:00Z"},
]


def test_a_test_says_of_which_source_a_row_is(features: Path) -> None:
    view = load_views(features).views["spending"]
    assert_feature_equal(view, "spent_1h", 120, rows=ROWS, entity={"card": "a"}, at=NOON)
    assert evaluate(view, ROWS[1:], NOON).value("spent_1h", {"card": "a"}) == 20
    with pytest.raises(RequestError, match=r"row 0: Payments is a union; say .* _source='Cards'"):
        evaluate(view, [{"pan": "a"}], NOON)
    with pytest.raises(RequestError, match="source Wires has no column 'pan'"):
        evaluate(view, [{**ROWS[0], SOURCE: "Wires"}], NOON)


def test_the_rows_behind_a_value_name_their_topic(features: Path) -> None:
    view = load_views(features).views["spending"]
    behind = evaluate(view, ROWS, NOON).rows_behind("spent_1h", {"card": "a"})
    assert [(row["_src_topic"], row["cents"]) for row in behind] == [("Cards", 100), ("Wires", 20)]


def test_a_plan_of_a_union_survives_its_json(features: Path) -> None:
    plan = view_plan(features)
    assert type(plan).from_json(plan.to_json()) == plan
    assert len(json.loads(plan.to_json())["source"]["members"]) == 2


def test_a_union_is_explained_source_by_source(features: Path) -> None:
    plan, view = view_plan(features), load_views(features).views["spending"]
    (feature,) = plan.features
    told = [(one.step, one.what) for one in (*written(view.features[0], plan, view.where), *planned(plan, feature))]
    assert ("source", "Payments: Cards, iceberg raw.cards and kafka cards; Wires, kafka wires") in told
    assert [what for step, what in told if step == "filled"] == [
        "card by pan, cents by cents, at by at",
        "card by iban, cents by cents, at by sent_at",
    ]
    assert columns_of_part(plan, feature, plan.source.parts[1]) == ["iban", "cents", "sent_at"]
