"""An explanation of a feature names what its plan has, whatever the feature is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.explain import ESTIMATES, Step, columns_of, planned, written
from headrace.compiler.tiles import cell_count, read_slices
from headrace.compiler.verdict import archive_columns
from headrace.features import load_views

from .conftest import FILES

VIEWS = {view.name: view for file in FILES for view in load_views(file).views.values()}
FEATURES = [(view, feature.name) for view in VIEWS for feature in VIEWS[view].features]


def whats(steps: list[Step], step: str) -> list[str]:
    return [one.what for one in steps if one.step == step]


@pytest.mark.parametrize(("view", "feature"), FEATURES)
def test_every_feature_is_explained(view: str, feature: str) -> None:
    plan = plan_view(VIEWS[view])
    found = plan.feature(feature)
    steps = planned(plan, found)
    groups = [plan.group(name) for name in dict.fromkeys(part.group for part in found.parts)]
    assert [line.split()[1] for line in whats(steps, "tiles")] == [group.fingerprint for group in groups]
    for line, group in zip(whats(steps, "tiles"), groups, strict=True):
        assert line.endswith(", ".join(dict.fromkeys(part.name for part in plan.parts_of(group))))
    partials = {name for part in found.parts for name in part.partials or ("n",)}
    assert {line.split()[0].rstrip(",") for line in whats(steps, "partial")} == partials
    assert len(whats(steps, "level")) == sum(len(group.levels_us) for group in groups)
    kinds = {plan.group(part.group).partial(name).kind for part in found.parts for name in part.partials}
    assert len(whats(steps, "estimate")) == len(kinds & set(ESTIMATES))
    assert set(columns_of(plan, found)) <= {column.name for column in archive_columns(plan.source)}
    assert {key.name for group in groups for key in group.keys} < set(columns_of(plan, found))


@pytest.mark.parametrize(("view", "feature"), FEATURES)
def test_a_feature_as_written_points_at_its_lines(view: str, feature: str) -> None:
    own = VIEWS[view]
    (one,) = [found for found in own.features if found.name == feature]
    steps = written(one, plan_view(own), own.source.where)
    assert steps[0].where == str(own.source.where)
    assert {step.where for step in steps[1:]} == {str(one.where)}
    assert len(whats(steps, "aggregate")) == len(one.aggregate.parts)
    assert bool(whats(steps, "window")) == (one.window_us is not None)
    assert len(whats(steps, "filter")) == sum(part.filter is not None for part in one.aggregate.parts)


def test_an_aggregate_that_sql_cannot_say_keeps_its_name() -> None:
    file = Path(__file__).parent / "user_functions.py"
    view = load_views(file).views["user_functions"]
    (one,) = [feature for feature in view.features if feature.name.startswith("ints")]
    (text,) = whats(written(one, plan_view(view), view.source.where), "aggregate")
    assert re.fullmatch(r"last\(same_int\S*\(i\)\)", text), text


def test_no_read_has_more_cells_than_are_told() -> None:
    plan = plan_view(VIEWS["fraud_features"])
    for found in plan.features:
        assert found.window_us is not None
        assert found.tail_us is not None
        levels = plan.group(found.group).levels_us
        # Two days of instants, each shortly after a finest tile began.
        instants = range(400 * levels[-1] + 1, 400 * levels[-1] + 2 * 86_400_000_000, levels[0])
        most = max(
            cell_count(read_slices(found.window_us, found.tail_us, levels, at_us, include_open=True))
            for at_us in instants
        )
        (told,) = whats(planned(plan, found), "read")
        assert f"about {most} cells" in told
