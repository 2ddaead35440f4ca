"""One side learns all rows once, in a process of its own: `python answers.py NAME < question.json`.

A rival's interpreter runs this file alone, so nothing of headrace is imported at the top. Each side makes its rows
ready first, in the form that it likes best, and returns what is timed: every row tested, then learnt from.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

Asked = dict[str, Any]
#: Learns, and gives the mean of all rows' log losses, each before it was learnt from.
Side = Callable[[], float]
#: Chances are kept this far from 0 and 1, as headrace does.
LEAST_CHANCE = 1e-7


def headrace_arrow(asked: Asked) -> Side:
    """The product, as the job on the stream has it: Arrow micro-batches, encoded, tested, learnt from."""
    learner, batches = _learner(asked), _arrow(asked)

    def answer() -> float:
        for rows in batches:
            step = learner.learn(rows)
        return _log_loss(step)

    return answer


def headrace_tensors(asked: Asked) -> Side:
    """The product over tensors that are ready, within what full training sets around its loop."""
    from headrace.training.learning.reproducible import reproducible

    learner = _learner(asked)
    batches = [learner.fitted.encode(rows).to(learner.device) for rows in _arrow(asked)]

    def answer() -> float:
        with reproducible():
            for batch in batches:
                step = learner.learn_tensors(batch)
        return _log_loss(step)

    return answer


def torch_loop(asked: Asked) -> Side:
    """A bare loop of torch over tensors that are ready: forward, loss, backward, step, and the sum of the losses."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    network = _bare_network(asked).to(asked["device"])
    optimizer = torch.optim.SGD(network.parameters(), lr=asked["rate"])
    tensors = torch.from_numpy(_array(asked)).to(asked["device"], torch.float32)
    parts = [tensors[start : start + asked["batch"]] for start in range(0, len(tensors), asked["batch"])]
    batches = [(part[:, :-1].contiguous(), part[:, -1].contiguous()) for part in parts]

    def answer() -> float:
        total = torch.zeros((), dtype=torch.float64, device=asked["device"])
        for numbers, label in batches:
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(network(numbers).squeeze(1), label)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach() * len(label)
        return total.item() / len(tensors)

    return answer


def river_rows(asked: Asked) -> Side:
    """River, one row after the other, from dictionaries that are ready."""
    from river import linear_model, metrics, optim

    rate = asked["rate"] / asked["batch"]
    model = linear_model.LogisticRegression(optim.SGD(rate), intercept_lr=rate)
    metric = metrics.LogLoss()
    rows = _array(asked).tolist()
    ready = [(dict(zip(asked["numbers"], row, strict=False)), bool(row[-1])) for row in rows]

    def answer() -> float:
        for numbers, label in ready:
            metric.update(label, model.predict_proba_one(numbers))
            model.learn_one(numbers, label)
        return float(metric.get())

    return answer


def river_batches(asked: Asked) -> Side:
    """River's micro-batches, from data frames that are ready."""
    import numpy as np
    import pandas as pd
    from river import linear_model, optim

    model = linear_model.LogisticRegression(optim.SGD(asked["rate"]), intercept_lr=asked["rate"])
    rows = _array(asked)
    parts = [rows[start : start + asked["batch"]] for start in range(0, len(rows), asked["batch"])]
    ready = [(pd.DataFrame(part[:, :-1], columns=asked["numbers"]), pd.Series(part[:, -1] > 0)) for part in parts]

    def answer() -> float:
        total = 0.0
        for numbers, label in ready:
            chance = model.predict_proba_many(numbers)[True].to_numpy()
            given = np.where(label.to_numpy(), chance, 1 - chance)
            total -= float(np.log(np.clip(given, LEAST_CHANCE, 1)).sum())
            model.learn_many(numbers, label)
        return total / len(rows)

    return answer


def vowpal_rows(asked: Asked) -> Side:
    """Vowpal Wabbit from Python, one row after the other, from examples that were parsed before."""
    workspace = _vowpal(asked)
    with Path(asked["text"]).open(encoding="utf-8") as lines:
        ready = [workspace.parse(line) for line in islice(lines, asked["rows"])]

    def answer() -> float:
        for example in ready:
            workspace.learn(example)
            workspace.finish_example(example)
        return _progressive(workspace)

    return answer


def vowpal_file(asked: Asked) -> Side:
    """Vowpal Wabbit's own loop over a file of text, parsed by a thread of its own."""
    return lambda: _progressive(_vowpal(asked, "--data", asked["text"]))


SIDES: dict[str, Callable[[Asked], Side]] = {
    side.__name__: side
    for side in (headrace_arrow, headrace_tensors, torch_loop, river_rows, river_batches, vowpal_rows, vowpal_file)
}


def main() -> None:
    """Answer one question: print what was learnt, and what it cost."""
    asked = json.loads(sys.stdin.read())
    answer = SIDES[sys.argv[1]](asked)
    wall, cpu = time.monotonic(), _cpu_s()
    log_loss = answer()
    cost = {"wall_s": time.monotonic() - wall, "cpu_s": _cpu_s() - cpu, "log_loss": log_loss}
    sys.stdout.write(json.dumps(cost) + "\n")


def _array(asked: Asked) -> Any:
    """The rows that are asked for, with their label last."""
    import numpy as np

    return np.load(asked["array"])[: asked["rows"]]


def _arrow(asked: Asked) -> list[Any]:
    """The rows as Arrow micro-batches, a column each, as a source hands them out."""
    import numpy as np
    import pyarrow as pa

    columns = np.ascontiguousarray(_array(asked).T)
    rows = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], [*asked["numbers"], asked["label"]])
    return [rows.slice(start, asked["batch"]) for start in range(0, rows.num_rows, asked["batch"])]


def _learner(asked: Asked) -> Any:
    """The product's learner of the network that is asked for."""
    from headrace.training.data import Encoding, Label, Raw
    from headrace.training.learning import TorchLearner
    from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe

    first = _arrow(asked)[0]
    encoding = Encoding({name: Raw(mask=False) for name in asked["numbers"]}, Label(asked["label"], low=0, high=1))
    arguments = {} if asked["model"] == "logistic" else {"hidden": asked["hidden"]}
    recipe = Recipe(ModelSpec(asked["model"], arguments), OptimizerSpec("sgd", asked["rate"]))
    return TorchLearner(recipe, encoding.fit([first]), first.slice(0, 1).select(asked["numbers"]), asked["device"])


def _bare_network(asked: Asked) -> Any:
    """Plain layers of torch, which begin with the product's weights."""
    import torch
    from torch import nn

    if asked["model"] == "logistic":
        network: Any = nn.Linear(len(asked["numbers"]), 1)
        for one in network.parameters():
            nn.init.zeros_(one)
        return network
    widths = [len(asked["numbers"]), *asked["hidden"]]
    hidden = [layer for wide, narrow in pairwise(widths) for layer in _layer(wide, narrow)]
    network = nn.Sequential(*hidden, nn.Linear(widths[-1], 1))
    ours = _learner(asked).network.layers.parameters()
    with torch.no_grad():
        for one, begun in zip(network.parameters(), ours, strict=True):
            one.copy_(begun)
    return network


def _layer(wide: int, narrow: int) -> list[Any]:
    from torch import nn

    return [nn.Linear(wide, narrow), nn.ReLU()]


def _log_loss(step: Any) -> float:
    return float(step.metrics["log_loss"])


def _vowpal(asked: Asked, *more: str) -> Any:
    """A logistic regression by plain descent: no rates of its own for each number, none that falls."""
    from vowpalwabbit import Workspace

    rate = asked["rate"] / asked["batch"]
    settings = ["--loss_function", "logistic", "--sgd", "--power_t", "0", "-l", str(rate), "--quiet", *more]
    return Workspace(arg_list=settings)


def _progressive(workspace: Any) -> float:
    return float(workspace.get_sum_loss() / workspace.get_weighted_examples())


def _cpu_s() -> float:
    """Processor seconds of this process and its threads, and of its children that have ended."""
    import os

    # The first by the scheduler's own clock: `os.times` counts by hundredths of a second.
    return time.process_time() + os.times().children_user + os.times().children_system


if __name__ == "__main__":
    main()
