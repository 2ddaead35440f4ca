"""The state of a learner as bytes and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

import torch
from torch import Tensor

from headrace.errors import ModelError
from headrace.training.data.labels import LabelRange
from headrace.training.learning.learner import Counters
from headrace.training.learning.metrics import Floats
from headrace.training.learning.packed import pack, unpack

STATE = "state of a learner"
#: The number is raised with every change that an older headrace could not read.
FORMAT = "learner state 2"


@dataclass(frozen=True, slots=True)
class LearnerState:
    """All that a learner knows.

    Attributes:
        network: the weights by name.
        optimizer: by the number of the parameter, what the optimizer remembers of it: tensors, numbers and None.
        metrics: the sums of each metric.
        loss_sum: of the micro-batches that were learnt from.
        labels: of the rows that were learnt from.
    """

    network: Mapping[str, Tensor]
    optimizer: Mapping[int, Mapping[str, Any]]
    metrics: Mapping[str, Floats]
    counters: Counters
    loss_sum: float
    labels: LabelRange


def write_state(known: LearnerState, fingerprint: Mapping[str, Any]) -> bytes:
    """A state as safetensors, with what it was made with."""
    held = {(number, name): value for number, one in known.optimizer.items() for name, value in one.items()}
    tensors = {f"network/{name}": tensor for name, tensor in known.network.items()}
    tensors |= {f"metric/{name}": torch.from_numpy(sums) for name, sums in known.metrics.items()}
    tensors |= {f"optimizer/{number}/{name}": value for (number, name), value in held.items() if _is_tensor(value)}
    # JSON has no infinity, which both edges are before anything was learnt.
    tensors["labels/range"] = torch.tensor(astuple(known.labels), dtype=torch.float64)
    facts = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "counters": asdict(known.counters),
        "loss_sum": known.loss_sum,
        "optimizer": [[number, name, value] for (number, name), value in held.items() if not _is_tensor(value)],
    }
    return pack(tensors, facts)


def read_state(state: bytes, fingerprint: Mapping[str, Any], known: LearnerState) -> LearnerState:
    """The state in bytes.

    Raises ModelError unless it was made with the same, and its weights and metrics are of the sizes of `known`.
    """
    tensors, facts = unpack(state, STATE)
    _check_fingerprint(facts, fingerprint)
    groups: dict[str, dict[str, Tensor]] = {"network": {}, "metric": {}, "optimizer": {}, "labels": {}}
    for path, tensor in tensors.items():
        kind, _, name = path.partition("/")
        groups[kind][name] = tensor
    expected = {name: tensor.shape for name, tensor in known.network.items()}
    if {name: tensor.shape for name, tensor in groups["network"].items()} != expected:
        msg = f"{STATE}: its weights are of another network than {list(expected)}"
        raise ModelError(msg)
    optimizer: dict[int, dict[str, Any]] = {}
    for number, name, value in [*facts["optimizer"], *(_named(*item) for item in groups["optimizer"].items())]:
        optimizer.setdefault(number, {})[name] = value
    metrics = {name: tensor.numpy() for name, tensor in groups["metric"].items()}
    counters, labels = Counters(**facts["counters"]), LabelRange(*groups["labels"]["range"].tolist())
    return LearnerState(groups["network"], optimizer, metrics, counters, facts["loss_sum"], labels)


def _check_fingerprint(facts: Any, fingerprint: Mapping[str, Any]) -> None:
    format_ = facts.get("format") if isinstance(facts, dict) else facts
    if format_ != FORMAT:
        msg = f"{STATE}: expected format {FORMAT}, found {format_!r}; it is none, or another headrace wrote it"
        raise ModelError(msg)
    for name, value in fingerprint.items():
        if facts["fingerprint"][name] != value:
            msg = f"{STATE}: made with another {name}: {facts['fingerprint'][name]!r}, and this learner has {value!r}"
            raise ModelError(msg)


def _named(path: str, tensor: Tensor) -> tuple[int, str, Tensor]:
    """The number of a parameter, the name of what is remembered, and that."""
    number, _, name = path.partition("/")
    return int(number), name, tensor


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)
