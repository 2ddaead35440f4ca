"""`TorchLearner`: a torch network that learns from micro-batches, tested before trained, guarded and resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import utils

from headrace.errors import BadLabelError, DatasetError, ModelError
from headrace.training.data.encoding import Fitted
from headrace.training.data.labels import LabelRange
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.artifact import fill_network, model_files, network_of
from headrace.training.learning.guarding import gradient_fault, gradient_norm, label_fault, label_range, loss_fault
from headrace.training.learning.learner import Counters, Step
from headrace.training.learning.learner_state import LearnerState, read_state, write_state
from headrace.training.learning.losses import LINKS, Loss
from headrace.training.learning.metrics import MetricSet
from headrace.training.learning.networks import Inputs
from headrace.training.learning.optimizers import make_optimizer
from headrace.training.learning.predictor import example_of
from headrace.training.learning.reproducible import device_of, reproducible, seeded
from headrace.training.learning.schedules import factor
from headrace.training.learning.spec import OptimizerSpec, Recipe

#: Of numbers [rows, n], categories [rows, k] and a slope [rows]: a gradient for each parameter. See `Logistic`.
Gradients: TypeAlias = Callable[[Tensor, Tensor, Tensor], Sequence[Tensor | None]]


class TorchLearner:
    """Learns a recipe's network of rows that a fitted encoding makes tensors of.

    Args:
        example: one row, with the columns that the encoding reads and no label; the artifact keeps it with the answer
            that the model gives, for whoever loads the model to check.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        network: with weights to begin from; default: new ones of the recipe's seed.

    Raises ModelError for a recipe whose network cannot be made, TrainingError for a device that is not here.
    """

    def __init__(
        self,
        recipe: Recipe,
        fitted: Fitted,
        example: pa.RecordBatch,
        device: str = "auto",
        network: nn.Module | None = None,
    ) -> None:
        self.recipe, self.fitted, self.device = recipe, fitted, device_of(device)
        self._goes_on = network is not None
        self.inputs = Inputs(len(fitted.numbers), tuple(one.size for one in fitted.categories))
        self._example = example
        with seeded(recipe.seed, torch.device("cpu")):
            made = network if network is not None else network_of(recipe.model, self.inputs)
        self.network = made.to(self.device)
        self._parameters = [one for one in self.network.parameters() if one.requires_grad]
        self._optimizer = make_optimizer(recipe.optimizer, self._parameters)
        self._loss, self._link = Loss(recipe), LINKS[recipe.model.task]
        self._tests_apart = not getattr(self.network, "learns_as_it_tests", False)
        # A pass that is the same in learning and in testing has no running means to change.
        self._buffers = list(self.network.buffers()) if self._tests_apart else []
        self._gradients = self._known_gradients()
        self._metrics = MetricSet.of_task(recipe.model.task)
        self._counters, self._loss_sum, self._labels = Counters(), 0.0, LabelRange()

    @property
    def counters(self) -> Counters:
        """What it has done."""
        return self._counters

    @property
    def seed(self) -> int:
        """The recipe's: of the first weights, where it has none to begin from, and of dropout."""
        return self.recipe.seed

    def unready(self) -> str | None:
        """Why it is no model yet: it began from nothing, and all labels that it learned are alike. None: it is one.

        Full training refuses such labels, too (`LabelFit.summary`). Who goes on from a model may meet one label for a
        while: it knows of others.
        """
        if self._goes_on or not self._labels.are_alike:
            return None
        label = self.fitted.encoding.label
        named = "" if label is None else f" {label.column!r}"
        found = f"all {self._counters.rows_learned:,} so far are {self._labels.least:g}"
        return f"label{named}: {found}; expected others, too, as it began from nothing"

    def go_on_from(self, network: nn.Module, optimizer: OptimizerSpec | None = None) -> None:
        """Take the weights of a network to begin with, and an optimizer in place of the recipe's, where one is given.

        Raises ModelError where it has learned already, as what it counted is of other weights, or where its own network
        has other tensors.
        """
        if self._counters != Counters():
            msg = f"it has learned of {self._counters.rows_visited:,} rows already; expected one that has learned of "
            raise ModelError(msg + "none, as the weights that it takes over know nothing of them")
        fill_network(self.network, network.state_dict(), "weights to go on from")
        self._goes_on = True
        if optimizer is not None:
            self.recipe = replace(self.recipe, optimizer=optimizer)
            self._optimizer = make_optimizer(optimizer, self._parameters)

    def check(self, columns: pa.Schema) -> None:
        """Raise UnknownColumnError or ColumnTypeError where `learn` would for rows with these columns."""
        self.fitted.encode(pa.RecordBatch.from_pylist([], schema=columns))

    def learn(self, rows: pa.RecordBatch) -> Step:
        """Test the model on rows, then train it on them; what is refused, a bad label included, is given back.

        Raises UnknownColumnError or ColumnTypeError for columns that are not there, or of another type.
        """
        try:
            batch = self.fitted.encode(rows)
        except DatasetError as error:
            first = error.position if isinstance(error, BadLabelError) else None
            return replace(self._visited(rows.num_rows, 0, None, str(error)), refused=rows, first=first)
        step = self.learn_tensors(batch, rows.num_rows)
        if not step.learned:
            return replace(step, refused=rows)
        return step if len(batch) == rows.num_rows else self._with_left_out(step, rows)

    def learn_tensors(self, batch: TensorBatch, rows: int | None = None) -> Step:
        """`learn`, of rows that are encoded already; `rows` is how many there were before some were left out."""
        given = len(batch) if rows is None else rows
        with reproducible():
            loss, reason = self._learn(batch.to(self.device)) if len(batch) else (None, "there are no rows")
        return self._visited(given, 0 if reason else len(batch), loss, reason)

    def answers(self, batch: TensorBatch) -> Tensor:
        """What the model answers to each row [rows]: a chance where the task is binary. Nothing is learnt."""
        with reproducible():
            return self._link(self._tested(batch.to(self.device))).cpu()

    def reset_metrics(self) -> None:
        """Count the metrics from here on."""
        self._metrics.reset()

    def state(self) -> bytes:
        """Weights, optimizer, counters, sums of losses and metrics, the range of labels, as safetensors.

        The schedule is a function of the steps made, and random numbers of the seed and the micro-batches seen.
        """
        return write_state(self._known(), self._fingerprint())

    def resume(self, state: bytes) -> None:
        """Take a state back, exactly.

        Raises ModelError, and nothing is changed, for a state of another recipe, encoding or network.
        """
        found = read_state(state, self._fingerprint(), self._known())
        metrics = MetricSet.of_task(self.recipe.model.task)
        metrics.merge(found.metrics)
        # The rate is set before each step, so the groups are those that the recipe makes.
        optimizer = make_optimizer(self.recipe.optimizer, self._parameters)
        optimizer.load_state_dict({"state": found.optimizer, "param_groups": optimizer.state_dict()["param_groups"]})
        self.network.load_state_dict(found.network)
        self._metrics, self._optimizer = metrics, optimizer
        self._counters, self._loss_sum, self._labels = found.counters, found.loss_sum, found.labels

    def artifact(self) -> Mapping[str, bytes]:
        """The files of the model, with the counters in `model.json`."""
        answer = self.answers(self.fitted.encode(self._example, labels=False)).item()
        example = example_of(self._example, answer)
        facts = {"counters": asdict(self._counters)}
        return model_files(self.recipe, self.inputs, self.network, facts, self.fitted.to_json(), example)

    def _visited(self, rows: int, learned: int, loss: float | None, reason: str) -> Step:
        """Count a micro-batch; what was learnt from it, unless there is a reason why nothing was."""
        self._counters = self._counters.visited(rows, learned=learned)
        self._loss_sum += loss if loss is not None and not reason else 0.0
        return Step(rows, loss, self._metrics.values, not reason, reason)

    def _with_left_out(self, step: Step, rows: pa.RecordBatch) -> Step:
        """A step that learnt, with the rows whose label the encoding left out."""
        label = self.fitted.encoding.label
        if label is None:
            return step
        found = label.read(rows.column(label.column), np.arange(rows.num_rows))
        places = np.flatnonzero(~found.kept)
        why = ", ".join(f"{count} {one}" for one, count in found.left_out.items())
        reason = f"label {label.column!r}: {len(places)} of {rows.num_rows} rows are left out, {why}"
        return replace(step, reason=reason, refused=rows.take(pa.array(places)), left_out=tuple(places.tolist()))

    def _learn(self, batch: TensorBatch) -> tuple[float | None, str]:
        """The loss before the update, and why there was none; empty where there was one."""
        label = batch.label
        if label is None:
            return None, "there are no labels"
        labels = label_range(label)
        fault = label_fault(labels, self.recipe.model.task)
        if fault:
            return None, fault
        before = [buffer.clone() for buffer in self._buffers]
        gradients = self._gradients
        shown, fault = self._by_hand(batch, label, gradients) if gradients else self._by_autograd(batch, label)
        if fault:
            self._put_back(before)
        else:
            self._labels = self._labels.joined(labels)
        return shown, fault

    def _known_gradients(self) -> Gradients | None:
        """The network's own way to gradients, where it has one that fits the loss, and all its parameters learn."""
        kind, every = type(self.network), len(self._parameters) == len(list(self.network.parameters()))
        fits = every and not self._tests_apart and self._loss.has_slope
        # One that a class inherits is not for the `forward` that it has of its own.
        known = hasattr(kind, "gradients") and _home(kind, "gradients") is _home(kind, "forward")
        return cast("Gradients", self.network.gradients) if fits and known else None

    def _by_hand(self, batch: TensorBatch, label: Tensor, gradients: Gradients) -> tuple[float, str]:
        """Test and train without autograd, which would take most of the time of a small model."""
        with torch.no_grad():
            outputs = self.network(batch.numbers, batch.categories)
            answers = self._link(outputs)
            self._count(answers, label)
            shown = self._loss(outputs, label, self.network).item()
            fault = self._loss_fault(shown)
            if fault:
                return shown, fault
            found = gradients(batch.numbers, batch.categories, self._loss.slope(answers, label))
            for one, gradient in zip(self._parameters, found, strict=True):
                one.grad = gradient
            return shown, self._step()

    def _by_autograd(self, batch: TensorBatch, label: Tensor) -> tuple[float, str]:
        """Test and train whatever network and loss."""
        outputs, tested = self._outputs(batch)
        self._count(self._link(tested), label)
        loss = self._loss(outputs, label, self.network)
        shown = self._loss(tested, label, self.network).item() if self._tests_apart else loss.item()
        fault = self._loss_fault(shown) or self._loss_fault(loss.item())
        if fault:
            return shown, fault
        for one in self._parameters:
            one.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        return shown, self._step()

    def _outputs(self, batch: TensorBatch) -> tuple[Tensor, Tensor]:
        """Outputs to learn from, and outputs of the model as it answers."""
        if not self._tests_apart:
            outputs: Tensor = self.network(batch.numbers, batch.categories)
            return outputs, outputs.detach()
        tested = self._tested(batch)
        self.network.train()
        with seeded(_mixed(self.recipe.seed, self._counters.batches), self.device):
            return self.network(batch.numbers, batch.categories), tested

    def _tested(self, batch: TensorBatch) -> Tensor:
        """Outputs of the model as it answers."""
        self.network.eval()
        with torch.no_grad():
            outputs: Tensor = self.network(batch.numbers, batch.categories)
        return outputs

    def _count(self, answers: Tensor, label: Tensor) -> None:
        """Take the answers into the metrics, unless the model has none to give."""
        answer = answers.cpu().numpy().astype(np.float64)
        # A sum of 32-bit numbers in 64 bits is finite where each of them is.
        if np.isfinite(answer.sum()):
            self._metrics.update(answer, label.cpu().numpy().astype(np.float64))

    def _loss_fault(self, loss: float) -> str:
        """What is wrong with a loss, beside those before it."""
        steps = self._counters.steps
        return loss_fault(loss, self.recipe.guard, self._loss_sum / steps if steps else 0.0, steps)

    def _step(self) -> str:
        """One step of the optimizer along the gradients there are, unless a guard says why not."""
        steps, spec = self._counters.steps, self.recipe.optimizer
        norm = gradient_norm(one.grad for one in self._parameters if one.grad is not None)
        fault = gradient_fault(norm, self.recipe.guard)
        if fault:
            return fault
        if spec.clip_norm is not None:
            utils.clip_grads_with_norm_(self._parameters, spec.clip_norm, torch.tensor(norm))
        for group in self._optimizer.param_groups:
            group["lr"] = spec.rate * factor(spec.schedule, steps)
        self._optimizer.step()
        return ""

    def _put_back(self, before: Sequence[Tensor]) -> None:
        """Buffers, such as running means of a batch normalization, as they were before a micro-batch was refused."""
        for buffer, content in zip(self._buffers, before, strict=True):
            buffer.copy_(content)

    def _known(self) -> LearnerState:
        return LearnerState(
            self.network.state_dict(),
            self._optimizer.state_dict()["state"],
            self._metrics.sums(),
            self._counters,
            self._loss_sum,
            self._labels,
        )

    def _fingerprint(self) -> dict[str, Any]:
        """What a state must have been made with."""
        return {"recipe": self.recipe.to_json(), "encoding": self.fitted.digest}


def _home(kind: type, name: str) -> type:
    """The class that defines an attribute of a class."""
    return next(one for one in kind.__mro__ if name in vars(one))


def _mixed(seed: int, batch: int) -> int:
    """A seed of its own for each micro-batch: SplitMix64's step, so that neighbours have nothing in common."""
    mixed = (seed + (batch + 1) * 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    return (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**63
