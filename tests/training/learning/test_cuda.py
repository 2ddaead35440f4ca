"""Learning on a GPU gives the same bytes twice, and what the processor gives but for rounding.

`make gpu` runs these; without a GPU they fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
import torch

from headrace import TrainingPipeline
from headrace.bench.trainer.benchmark import ON_A_GPU, TrainerBenchmark, TrainerSizes
from headrace.connectors.artifacts import Artifacts
from headrace.registry.model_states import Decision
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Progress
from headrace.runtime.settings import load_settings
from headrace.training.data import Encoding
from headrace.training.learning import ModelSpec, OptimizerSpec, fine_tuned
from headrace.training.learning.events import Event
from headrace.training.learning.predictor import load
from headrace.training.learning.registering import register
from headrace.training.learning.spec import OPTIMIZERS, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.rebuild import rebuild
from headrace.training.models.store import ModelStore
from headrace.training.streaming.trainer import Policy, StreamTrainer

from . import stream

DEVICE = "cuda"
pytestmark = pytest.mark.gpu

LOGISTIC, FACTORS = ModelSpec("logistic"), ModelSpec("factorization_machine", {"factors": 4})
PERCEPTRON = ModelSpec("mlp", {"hidden": [16, 8], "embedding": 2})
#: Dropout draws random numbers on the GPU, so that their state shows too.
DROPPING = ModelSpec("mlp", {"hidden": [6], "embedding": 2, "dropout": 0.3})
MODELS = pytest.mark.parametrize("model", [LOGISTIC, FACTORS, PERCEPTRON], ids=["logistic", "factors", "perceptron"])
#: Both compute in 32 bits, and add in other orders; a GPU that computed in 16 or 19 bits would be off by more.
TOLERANCE = 1e-4
WHY = Decision("ann", "trained")


class LateTrips(TrainingPipeline):
    """Whether a trip arrives late."""

    owner = "trips@example.com"
    source = "raw.trips"
    encoding: Encoding = stream.ENCODING
    model = DROPPING
    optimizer = OptimizerSpec("adam", 0.02, clip_norm=1.0)
    losses: ClassVar = {"bce": 1.0, "l2": 1e-5}
    epochs = 2
    batch_rows = 64
    seed = 7
    checkpoint_batches = 5


class Stopped(Exception):  # noqa: N818 (it is no error)
    """A run is ended from within, as a kill would."""


@pytest.fixture
def pipeline(tmp_path: Path) -> TrainingPipeline:
    properties = dict(stream.table(tmp_path / "lake").catalog.properties)
    flags = {"home": str(tmp_path / "home"), "iceberg": {"catalog": "house", "properties": properties}}
    return LateTrips(Platform(load_settings(flags=flags, environment={}, folder=tmp_path)), device=DEVICE)


def learner(recipe: Recipe, device: str = DEVICE) -> TorchLearner:
    return TorchLearner(recipe, stream.fitted(), stream.example(), device)


def learned(one: TorchLearner, batches: Iterable[pa.RecordBatch]) -> TorchLearner:
    steps = [one.learn(batch) for batch in batches]
    assert all(step.learned for step in steps)
    return one


def test_training_twice_gives_the_same_bytes(pipeline: TrainingPipeline) -> None:
    first, second = pipeline.train().trained, pipeline.train().trained
    assert first.files == second.files
    assert first.counters.rows_learned == 2 * 3_000


@MODELS
def test_a_model_is_close_to_what_the_processor_learns(model: ModelSpec) -> None:
    recipe, batches = Recipe(model, OptimizerSpec("sgd", 0.2)), list(stream.micro_batches(stream.rows(3_000)))
    here, there = learned(learner(recipe), batches), learned(learner(recipe, "cpu"), batches)
    assert {one.device.type for one in here.network.parameters()} == {DEVICE}
    for name, expected in there.network.state_dict().items():
        torch.testing.assert_close(here.network.state_dict()[name].cpu(), expected, rtol=TOLERANCE, atol=TOLERANCE)
    found, rows = load(here.artifact()), stream.rows(200, 7)  # on the processor, which also checks the stored answer
    np.testing.assert_allclose(found.score(rows), load(there.artifact()).score(rows), atol=TOLERANCE)
    on_gpu = load(here.artifact(), DEVICE).score(rows)
    np.testing.assert_allclose(on_gpu, found.score(rows), atol=TOLERANCE)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", [LOGISTIC, DROPPING], ids=["logistic", "dropout"])
def test_a_learner_goes_on_elsewhere_bit_for_bit(optimizer: str, model: ModelSpec) -> None:
    recipe = Recipe(model, OptimizerSpec(optimizer, 0.05, clip_norm=1.0), seed=3)
    batches = list(stream.micro_batches(stream.rows(640)))
    straight, resumed = learned(learner(recipe), batches), learner(recipe)
    resumed.resume(learned(learner(recipe), batches[:6]).state())
    learned(resumed, batches[6:])
    assert resumed.state() == straight.state()
    assert resumed.artifact() == straight.artifact()


def test_a_run_that_was_stopped_ends_as_one_that_was_not(pipeline: TrainingPipeline, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.counters.batches == 60:
            raise Stopped

    straight = pipeline.train(plots=False).trained
    with pytest.raises(Stopped):
        pipeline.train(folder=tmp_path / "run", subscribers={"micro_batch": [stop]}, plots=False)
    assert pipeline.train(folder=tmp_path / "run", resume=True, plots=False).trained.files == straight.files


def test_a_version_is_made_again_on_the_device_that_made_it(pipeline: TrainingPipeline) -> None:
    store = ModelStore.at(pipeline.platform.settings)
    made = register(store, pipeline.train(), WHY)
    assert made.facts.training["device"] == DEVICE
    assert rebuild(pipeline.platform, store, made.name).is_same


def test_a_bare_loop_of_torch_foretells_as_well_as_ours(tmp_path: Path) -> None:
    sizes, perceptron = TrainerSizes(5_000, 1, 1_000), ON_A_GPU[2]
    report = TrainerBenchmark(tmp_path, Progress(quiet=True), sizes, [perceptron], DEVICE).run()  # compares the sides
    assert (report.benchmark, report.facts["device"]) == ("trainer-gpu", DEVICE)


def test_a_streaming_trainer_goes_on_from_its_state_bit_for_bit(tmp_path: Path) -> None:
    files = learned(learner(Recipe(DROPPING), "cpu"), stream.micro_batches(stream.rows(640))).artifact()
    batches = list(stream.micro_batches(stream.rows(1_280, 1)))

    def trainer() -> StreamTrainer:
        kept = Artifacts(tmp_path / "artifacts")
        asked = {"name": "adam", "rate": 0.01}
        return StreamTrainer("run-1", fine_tuned(files, device=DEVICE, optimizer=asked), Policy(), kept.put)

    straight, begun, resumed = trainer(), trainer(), trainer()
    for batch in batches:
        straight.visit(batch)
    for batch in batches[:8]:
        begun.visit(batch)
    resumed.resume(begun.state())
    for batch in batches[8:]:
        resumed.visit(batch)
    assert resumed.progress.visited == straight.progress.visited == 1_280
    assert resumed.learner.state() == straight.learner.state()
    assert resumed.learner.artifact() == straight.learner.artifact()
