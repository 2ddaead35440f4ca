from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from headrace.errors import HeadraceError, ModelError, RequestError
from headrace.training.data.encoders import Dates, Flag, Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.fits import Vocabulary
from headrace.training.data.labels import Label
from headrace.training.learning.artifact import ENCODING, EXAMPLE, FILES, MODEL, WEIGHTS, ArtifactWarning
from headrace.training.learning.packed import pack, unpack
from headrace.training.learning.predictor import load
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import learner_from_files, learner_from_folder
from headrace.training.learning.torch_learner import TorchLearner

from . import failing, stream

RECIPE = Recipe(ModelSpec("mlp", {"hidden": (6,), "embedding": 3}), OptimizerSpec("adam", 0.05))


@pytest.fixture(scope="module")
def learner() -> TorchLearner:
    made = TorchLearner(RECIPE, stream.fitted(), stream.example(), "cpu")
    for batch in stream.micro_batches(stream.rows(640)):
        made.learn(batch)
    return made


@pytest.fixture
def files(learner: TorchLearner) -> dict[str, bytes]:
    return dict(learner.artifact())


def test_a_loaded_model_answers_as_the_learner_does(learner: TorchLearner, files: dict[str, bytes]) -> None:
    rows = stream.rows(50, 7)
    expected = learner.answers(learner.fitted.encode(rows)).numpy()
    predictor = load(files)
    assert np.array_equal(predictor.score(rows), expected.astype(np.float64))
    unlabelled = [{name: row[name] for name in ("speed", "load", "line")} for row in rows.to_pylist()]
    assert np.array_equal(predictor.score(unlabelled), expected.astype(np.float64))


def test_the_same_learning_gives_the_same_bytes(learner: TorchLearner, files: dict[str, bytes]) -> None:
    again = TorchLearner(RECIPE, stream.fitted(), stream.example(), "cpu")
    for batch in stream.micro_batches(stream.rows(640)):
        again.learn(batch)
    assert again.artifact() == files
    again.learn(stream.rows(1, 5))
    assert {name for name in FILES if again.artifact()[name] != files[name]} == {MODEL, WEIGHTS, EXAMPLE}


def changed(files: dict[str, bytes], name: str, **values: object) -> dict[str, bytes]:
    return {**files, name: json.dumps({**json.loads(files[name]), **values}).encode()}


def with_weights(files: dict[str, bytes], change: str) -> dict[str, bytes]:
    tensors, facts = unpack(files[WEIGHTS], WEIGHTS)
    name = "layers.0.weight"
    if change == "missing":
        del tensors[name]
    elif change == "shape":
        tensors[name] = tensors[name][:, 1:].contiguous()
    elif change == "dtype":
        tensors[name] = tensors[name].double()
    else:
        tensors[name] = tensors[name] + 1
    return {**files, WEIGHTS: pack(tensors, facts)}


def recipe_with(files: dict[str, bytes], module: str) -> dict[str, bytes]:
    recipe = json.loads(files[MODEL])["recipe"]
    return changed(files, MODEL, recipe={**recipe, "model": {**recipe["model"], "module": module}})


DAMAGED = {
    "a file is missing": (lambda files: {MODEL: files[MODEL]}, "no file 'weights.safetensors'"),
    "a pickle as model": (lambda files: {**files, MODEL: pickle.dumps({})}, "model.json: expected JSON"),
    "a pickle as weights": (lambda files: {**files, WEIGHTS: pickle.dumps({})}, "expected safetensors"),
    "a list": (lambda files: {**files, MODEL: b"[]"}, "expected a JSON object, found list"),
    "another format": (lambda files: changed(files, MODEL, format=99), "format 99, expected 1"),
    "another torch": (lambda files: changed(files, MODEL, torch="1.13"), "made by torch 1.13"),
    "an unknown module": (lambda files: recipe_with(files, "nowhere:Net"), "cannot be imported"),
    "something to call": (lambda files: recipe_with(files, "os:system"), "no torch module"),
    "a tensor is missing": (lambda files: with_weights(files, "missing"), "'layers.0.weight': expected {'shape'"),
    "another shape": (lambda files: with_weights(files, "shape"), "'layers.0.weight': expected {'shape': [6, 5]"),
    "another type": (lambda files: with_weights(files, "dtype"), "found {'shape': [6, 5], 'dtype': 'float64'}"),
    "other weights": (lambda files: with_weights(files, "values"), "expected the answer"),
    "another example": (lambda files: changed(files, EXAMPLE, answer=0.123), "expected the answer 0.123"),
    "no answer": (lambda files: {**files, EXAMPLE: b"{}"}, "example.json: KeyError: 'columns'"),
    "no recipe": (lambda files: {**files, MODEL: b"{}"}, "model.json: KeyError"),
    "no encoding": (lambda files: {**files, ENCODING: b"{}"}, "encoding"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_files_are_refused_by_name(damage: str, files: dict[str, bytes]) -> None:
    change, message = DAMAGED[damage]
    with pytest.raises(HeadraceError) as found:
        load(change(files))
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("Greedy", "allocate memory"),
        ("GreedyFromTheStart", "allocate memory"),
        ("Crowded", "can't start new thread"),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_the_files(network: str, why: str, files: dict[str, bytes]) -> None:
    with pytest.raises(RuntimeError, match=why) as found:
        load(recipe_with(files, f"{failing.__name__}:{network}"))
    assert not isinstance(found.value, HeadraceError)


@pytest.mark.parametrize(
    ("network", "why"), [("Misfit", "RuntimeError: size mismatch"), ("Lookup", "KeyError: 'answer'")]
)
def test_a_network_that_fails_by_itself_is_a_fault_of_the_files(
    network: str, why: str, files: dict[str, bytes]
) -> None:
    with pytest.raises(ModelError, match=f"the files do not make a model that answers its own example: {why}"):
        load(recipe_with(files, f"{failing.__name__}:{network}"))


def test_another_minor_torch_is_a_warning_and_the_example_decides(files: dict[str, bytes]) -> None:
    major = torch.__version__.split(".")[0]
    with pytest.warns(ArtifactWarning, match=rf"made by torch {major}\.999"):
        load(changed(files, MODEL, torch=f"{major}.999"))


def test_rows_of_json_are_checked(files: dict[str, bytes]) -> None:
    predictor, row = load(files), {"speed": 1.0, "load": None, "line": "a"}
    assert predictor.score([row]).shape == (1,)
    with pytest.raises(
        RequestError, match="row 1: no column 'load'; write None where it is missing; did you mean 'laod'"
    ):
        predictor.score([row, {"speed": 1.0, "laod": 2.0, "line": "a"}])
    with pytest.raises(RequestError, match="column 'speed': expected double"):
        predictor.score([{**row, "speed": "fast"}])
    assert predictor.score([]).shape == (0,)


def test_an_example_of_every_kind_of_column_reads_back() -> None:
    columns = {
        "at": pa.array([datetime(2026, 3, 1, 12, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC")),
        "day": pa.array([date(2026, 3, 1)] * 2),
        "price": pa.array([Decimal("12.50"), Decimal("1.00")], pa.decimal128(10, 2)),
        "speed": pa.array([float("nan"), 1.0]),
        "known": pa.array([True, None]),
        "line": pa.array(["a", "b"], pa.large_string()),
        "label": pa.array([0.0, 1.0]),
    }
    rows = pa.RecordBatch.from_pydict(columns)
    encoding = Encoding(
        {
            "at": Dates(),
            "day": Dates(parts=("day_of_week",)),
            "price": Raw(),
            "speed": Raw(),
            "known": Flag(),
            "line": Vocabulary(),
        },
        Label("label"),
    )
    example = rows.slice(0, 1).select(list(encoding.features))
    learner = TorchLearner(Recipe(ModelSpec("logistic")), encoding.fit([rows]), example, "cpu")
    learner.learn(rows)
    predictor = load(learner.artifact())
    expected = learner.answers(learner.fitted.encode(rows, labels=False)).numpy().astype(np.float64)
    assert np.array_equal(predictor.score(rows), expected)
    written = json.loads(learner.artifact()[EXAMPLE])["row"]
    assert written == {
        "at": "2026-03-01T12:00:00+00:00",
        "day": "2026-03-01",
        "price": "12.50",
        "speed": None,
        "known": True,
        "line": "a",
    }


def test_a_learner_begins_with_a_model(learner: TorchLearner, files: dict[str, bytes], tmp_path: Path) -> None:
    tuned = learner_from_files(files, "cpu", OptimizerSpec("sgd", 0.001))
    assert tuned.artifact()[WEIGHTS] == files[WEIGHTS]
    assert tuned.counters.rows_visited == 0
    assert tuned.learn(stream.rows(64, 8)).learned
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert learner_from_folder(str(tmp_path), "cpu").artifact()[WEIGHTS] == files[WEIGHTS]
    (tmp_path / EXAMPLE).unlink()
    with pytest.raises(ModelError, match=rf"{tmp_path}: artifact: no file 'example.json'"):
        learner_from_folder(str(tmp_path), "cpu")
