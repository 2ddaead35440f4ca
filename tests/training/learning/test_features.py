"""The feature views that made the rows of a training: known before anything is learnt, and facts of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace.errors import DefinitionError, NotFoundError, TrainingError, UserFunctionError
from headrace.registry.model_states import Decision
from headrace.registry.store import Materialization, Pointer, ViewVersion
from headrace.runtime.platform import Platform
from headrace.training.learning.events import Event
from headrace.training.learning.registering import register
from headrace.training.models.store import ModelStore
from headrace.training.streaming.pipeline import StreamingTrainingPipeline

from ..freshness import drifting  # noqa: TID252 (the same generated truth)

ROWS = drifting.Stream(count=200, days=2).rows()
WHY = Decision("ann", "a test")
IN_FORCE = {"trips": "0a1b2c3d", "lines": "ffff0000"}


class Ones(drifting.Ones):
    """Whether a row is a one, by numbers that two views made."""

    features = ("trips", "lines")


class KnownElsewhere(drifting.Ones):
    """Whether a row is a one, by numbers of a view that no registry has."""

    VERSIONS: ClassVar[Any] = {"trips": "feed0000"}

    def feature_versions(self, source: str) -> Mapping[str, str]:
        assert source == "raw.ones"
        found: Mapping[str, str] = self.VERSIONS
        return found


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Rows, and two views: of `trips` the older version serves."""
    made = drifting.platform(tmp_path, ROWS)
    for view, version in [*IN_FORCE.items(), ("trips", "99999999")]:
        made.registry.add_version(ViewVersion("ones", view, version, {"name": view}))
    made.registry.add_materialization(Materialization("ones", "trips", "0a1b2c3d", {"ffff0000": "t"}))
    made.registry.set_pointer(Pointer("ones", "trips", "0a1b2c3d"), None)
    return made


def change(platform: Platform) -> None:
    """Another version of `lines` than that which made the rows."""
    platform.registry.add_version(ViewVersion("ones", "lines", "11110000", {"name": "lines", "window_us": 90}))


def test_views_that_are_declared_become_facts_in_the_version_that_is_in_force(platform: Platform) -> None:
    store = ModelStore.at(platform.settings)
    plain = register(store, drifting.Ones(platform, device="cpu").train(), WHY)
    fed = register(store, Ones(platform, device="cpu").train(), WHY)
    assert (plain.facts.features, fed.facts.features) == ({}, IN_FORCE)
    assert fed.facts.artifact == plain.facts.artifact


def test_views_are_looked_up_before_anything_is_learnt(platform: Platform) -> None:
    visited: list[Event] = []

    def change_it(event: Event) -> None:
        visited.append(event)
        change(platform)

    outcome = Ones(platform, device="cpu").train(subscribers={"start": [change_it]})
    assert (len(visited), outcome.features) == (1, IN_FORCE)
    kind = type("Ones", (drifting.Ones,), {"features": ["trips", "line"], "__doc__": "Misspelt."})
    with pytest.raises(NotFoundError, match="no view 'line'; did you mean 'lines'"):
        kind(platform, device="cpu").train(subscribers={"start": [visited.append]})
    assert len(visited) == 1


def test_what_learns_on_reads_what_its_parent_reads_and_its_own_views(platform: Platform) -> None:
    store = ModelStore.at(platform.settings)
    first = register(store, Ones(platform, device="cpu").train(), WHY)
    platform.iceberg.named("raw.ones").append(ROWS)
    begun = store.files(first.name), first.facts.snapshots["raw.ones"]
    change(platform)
    kind = type("Ones", (drifting.Ones,), {"features": ["lines"], "__doc__": "Fewer."})
    for made, expected in (
        (drifting.Ones(platform, device="cpu"), IN_FORCE),
        (kind(platform, device="cpu"), {**IN_FORCE, "lines": "11110000"}),
    ):
        version = register(store, made.learn_on(*begun), WHY, parent=first)
        assert version.facts.features == expected


def test_a_run_over_views_that_have_changed_since_is_not_gone_on_with(platform: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    Ones(platform, device="cpu").train(folder=folder, plots=False)
    assert Ones(platform, device="cpu").train(folder=folder, resume=True, plots=False).features == IN_FORCE
    change(platform)
    with pytest.raises(TrainingError, match=r"is of a run with features .*'lines': 'ffff0000'.*'lines': '11110000'"):
        Ones(platform, device="cpu").train(folder=folder, resume=True, plots=False)


def test_a_step_says_of_other_views_which_made_the_rows(platform: Platform) -> None:
    assert KnownElsewhere(platform, device="cpu").train().features == {"trips": "feed0000"}


@pytest.mark.parametrize("versions", [None, ["trips"], {"trips": 3}, {7: "feed0000"}])
def test_what_such_a_step_gives_is_looked_at_before_anything_is_learnt(platform: Platform, versions: object) -> None:
    kind = type("KnownElsewhere", (KnownElsewhere,), {"VERSIONS": versions, "__doc__": "Wrong."})
    begun: list[Event] = []
    with pytest.raises(UserFunctionError, match=r"test_features.py:\d+: .* step 'feature_versions' gave .*; expected"):
        kind(platform, device="cpu").train(subscribers={"start": [begun.append]})
    assert begun == []


def test_a_streaming_trainer_names_views_likewise() -> None:
    said = r"trainer Fed: features: expected a list of names of feature views, .* found 'trips'"
    with pytest.raises(DefinitionError, match=said):
        type("Fed", (StreamingTrainingPipeline,), {"features": "trips"})
