"""What is to be learnt and how, as values: a model, its losses, its optimizer with a schedule, and its guard.

Every value goes to JSON and back, since an artifact keeps how it was learnt; nothing here imports torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from headrace.errors import ModelError, did_you_mean
from headrace.training.learning.checks import ABOVE_0, BELOW_1, check_arguments, check_name, check_number

#: The task whose labels are 0 and 1, and whose answers are the chances of 1.
BINARY = "binary"
#: The task whose answers are the labels themselves.
REGRESSION = "regression"
#: What a model answers.
TASKS = (BINARY, REGRESSION)
#: Networks of headrace by a short name.
BUILT_IN = {
    "logistic": "headrace.training.learning.networks:Logistic",
    "mlp": "headrace.training.learning.networks:MultilayerPerceptron",
    "factorization_machine": "headrace.training.learning.networks:FactorizationMachine",
}
#: The optimizers, with the arguments that each takes beside its rate.
OPTIMIZERS: Mapping[str, tuple[str, ...]] = {
    "sgd": ("weight_decay",),
    "momentum": ("momentum", "weight_decay"),
    "nesterov": ("momentum", "weight_decay"),
    "adagrad": ("eps", "weight_decay", "initial_accumulator_value"),
    "adam": ("beta1", "beta2", "eps", "weight_decay"),
    "adamw": ("beta1", "beta2", "eps", "weight_decay"),
    "ftrl": ("beta", "l1", "l2"),
}
#: What is divided by before there was a gradient: far above the least of the 32-bit numbers, so that it is not 0.
LEAST_DIVISOR = 1e-30
#: The bounds of an argument, or of one optimizer's, where it is not any number from 0: steps past them do not converge,
#: or are 0 / 0, or torch refuses them.
ARGUMENT_BOUNDS: Mapping[str | tuple[str, str], tuple[float, float]] = {
    "momentum": (0, BELOW_1),
    ("nesterov", "momentum"): (ABOVE_0, BELOW_1),
    "beta1": (0, BELOW_1),
    "beta2": (0, BELOW_1),
    "eps": (LEAST_DIVISOR, math.inf),
    "beta": (LEAST_DIVISOR, math.inf),
}
#: The schedules, with the arguments that each takes.
SCHEDULES: Mapping[str, tuple[str, ...]] = {
    "constant": (),
    "step": ("every", "factor"),
    "cosine": ("steps", "floor"),
    "inverse_sqrt": ("scale",),
}
#: Losses of an answer beside its label, then penalties of weights.
DATA_LOSSES = ("bce", "mse", "mae", "huber")
PENALTIES = ("l1", "l2")
#: No step of a sane size overflows 32 bits below this rate and the guard's gradient norm (see `Guard`).
MOST_RATE = 1_000.0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A network by name, so that an artifact can be loaded without a pickle.

    Attributes:
        module: `package.module:Class`, a torch module that can be imported wherever the model is loaded and is made as
            `Class(inputs, **arguments)`; or the short name of one of headrace: see `BUILT_IN`.
        arguments: what JSON can say.
        task: one of `TASKS`.

    Raises ModelError for a name or task that cannot be meant.

    >>> ModelSpec("logistic").module
    'headrace.training.learning.networks:Logistic'
    """

    module: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    task: str = BINARY

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", BUILT_IN.get(self.module, self.module))
        package, colon, name = self.module.partition(":")
        if not (colon and name.isidentifier() and all(part.isidentifier() for part in package.split("."))):
            hint = did_you_mean(self.module, BUILT_IN)
            msg = f"model: module {self.module!r}: expected 'package.module:Class' or a built-in name; {hint}"
            raise ModelError(msg)
        check_name(self.task, TASKS, "model: task")
        try:
            # As JSON has them, tuples being lists, so that a spec equals what is read back of it.
            object.__setattr__(self, "arguments", json.loads(json.dumps(dict(self.arguments), allow_nan=False)))
        except (TypeError, ValueError) as error:
            msg = f"model: arguments {self.arguments!r}: expected what JSON can say: {error}"
            raise ModelError(msg) from error


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """How the rate changes with the steps made.

    `warmup` is how many first steps the rate rises linearly over. Arguments by name: `step` (`every`, `factor`),
    `cosine` (`steps`, `floor` as a share of the rate), `inverse_sqrt` (`scale`: after so many steps the rate is down to
    `1 / sqrt(2)`). Raises ModelError for others.

    >>> ScheduleSpec("cosine", {"steps": 100}, warmup=10).name
    'cosine'
    """

    name: str = "constant"
    arguments: Mapping[str, float] = field(default_factory=dict)
    warmup: int = 0

    def __post_init__(self) -> None:
        check_name(self.name, SCHEDULES, "schedule")
        check_arguments(self.arguments, SCHEDULES[self.name], f"schedule {self.name!r}")
        for name, value in {**self.arguments, "warmup": self.warmup}.items():
            least = 0 if name in ("warmup", "floor") else ABOVE_0
            check_number(value, f"schedule {self.name!r}: {name}", least)


@dataclass(frozen=True, slots=True)
class OptimizerSpec:
    """An optimizer of the family of stochastic gradient descent.

    Attributes:
        name: one of `OPTIMIZERS`.
        rate: the learning rate; alpha of FTRL, which takes no schedule, since its weights are a function of alpha.
        arguments: those of `OPTIMIZERS`; what is not given is as in torch, but momentum is 0.9.
        clip_norm: the gradient is scaled down to this Euclidean norm; None: never.

    Raises ModelError for others.

    >>> OptimizerSpec("adm")
    Traceback (most recent call last):
    headrace.errors.ModelError: optimizer: 'adm' is not known; did you mean 'adam'?
    """

    name: str = "adam"
    rate: float = 0.01
    arguments: Mapping[str, float] = field(default_factory=dict)
    schedule: ScheduleSpec = ScheduleSpec()
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        check_name(self.name, OPTIMIZERS, "optimizer")
        check_arguments(self.arguments, OPTIMIZERS[self.name], f"optimizer {self.name!r}")
        for name, value in self.arguments.items():
            least, most = ARGUMENT_BOUNDS.get((self.name, name)) or ARGUMENT_BOUNDS.get(name) or (0, math.inf)
            check_number(value, f"optimizer {self.name!r}: {name}", least, most)
        check_number(self.rate, f"optimizer {self.name!r}: rate", ABOVE_0, MOST_RATE)
        if self.clip_norm is not None:
            check_number(self.clip_norm, "optimizer: clip_norm", ABOVE_0)
        if self.name == "ftrl" and self.schedule != ScheduleSpec():
            msg = f"optimizer 'ftrl': takes no schedule, found {self.schedule.name!r}; its own rate falls by coordinate"
            raise ModelError(msg)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> OptimizerSpec:
        """The optimizer that JSON says; what it leaves out is as usual. ModelError for anything else.

        >>> OptimizerSpec.from_json({"name": "sgd", "schedule": {"name": "inverse_sqrt"}}).schedule.name
        'inverse_sqrt'
        """
        try:
            return cls(**{**found, "schedule": ScheduleSpec(**found.get("schedule", {}))})
        except (TypeError, ValueError) as error:
            msg = f"optimizer: {type(error).__name__}: {error}; found {found!r}"
            raise ModelError(msg) from error


@dataclass(frozen=True, slots=True)
class Guard:
    """When a micro-batch is refused: what it would teach is not to be believed.

    A loss or gradient that is not finite is always refused, and so is a gradient norm over `most_gradient`, which
    together with `MOST_RATE` keeps every step far below the largest 32-bit number. `explosion` refuses a loss that is
    so many times the mean of the losses learnt from, once `after` were learnt.

    >>> Guard(explosion=50.0).after
    20
    """

    explosion: float = 100.0
    after: int = 20
    most_gradient: float = 1e6

    def __post_init__(self) -> None:
        check_number(self.explosion, "guard: explosion", 1.0)
        check_number(self.after, "guard: after", 1)
        check_number(self.most_gradient, "guard: most_gradient", ABOVE_0, 1e12)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is learnt of the same rows in the same order.

    Attributes:
        losses: weight by name, of `DATA_LOSSES` and `PENALTIES`; the loss is their weighted sum.
        huber_delta: where Huber's loss turns from a square into a line, in units of the label.
        seed: of the first weights and of dropout.

    Raises ModelError for losses that are unknown, or that no label enters.

    >>> Recipe(ModelSpec("logistic"), losses={"bce": 1.0, "l2": 1e-4}).seed
    0
    """

    model: ModelSpec
    optimizer: OptimizerSpec = OptimizerSpec()
    losses: Mapping[str, float] = field(default_factory=dict)
    huber_delta: float = 1.0
    guard: Guard = Guard()
    seed: int = 0

    def __post_init__(self) -> None:
        losses = dict(self.losses) or {"bce" if self.model.task == BINARY else "mse": 1.0}
        object.__setattr__(self, "losses", losses)
        for name, weight in losses.items():
            check_name(name, (*DATA_LOSSES, *PENALTIES), "loss")
            check_number(weight, f"loss {name!r}: weight", 0)
        if not any(losses.get(name) for name in DATA_LOSSES):
            msg = f"losses {losses}: no label enters; add one of {', '.join(DATA_LOSSES)}"
            raise ModelError(msg)
        if "bce" in losses and self.model.task != BINARY:
            msg = f"loss 'bce': asks for task {BINARY!r}, found {self.model.task!r}"
            raise ModelError(msg)
        check_number(self.huber_delta, "loss 'huber': huber_delta", ABOVE_0)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**63:
            msg = f"seed {self.seed!r}: expected an integer from 0 to 2**63 - 1"
            raise ModelError(msg)

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON says it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` said; ModelError for anything else."""
        try:
            given = {one.name: found[one.name] for one in fields(cls)}
            given["optimizer"] = OptimizerSpec.from_json(found["optimizer"])
            return cls(**{**given, "model": ModelSpec(**found["model"]), "guard": Guard(**found["guard"])})
        except (KeyError, TypeError, ValueError) as error:
            msg = f"recipe: {type(error).__name__}: {error}; found {found!r}"
            raise ModelError(msg) from error
