"""Where and how torch computes, so that the same numbers come out: the device, the threads, the random state."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from headrace.errors import TrainingError, did_you_mean

#: What a device is called; torch has further kinds, on which nothing can be learnt or nothing was tried.
DEVICES = ("auto", "cpu", "cuda")
#: A GPU, and which one.
GPU = re.compile(r"cuda(:(?P<number>0|[1-9][0-9]?))?")
#: What NVIDIA asks for so that cuBLAS adds in one order (its manual, "Results reproducibility").
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
#: Sums depend on how many threads share them; micro-batches are too small for several to pay.
THREADS = 1


def device_of(name: str) -> torch.device:
    """The device of a name: `auto` is the GPU where there is one, `cuda:1` the second.

    Raises TrainingError for another name, and for a GPU that is not here.

    >>> device_of("cpu")
    device(type='cpu')
    """
    # A driver that is too old for this torch has GPUs to count, and none to use.
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name in ("auto", "cpu"):
        return torch.device("cuda" if name == "auto" and count else "cpu")
    asked = GPU.fullmatch(name)
    if asked is None:
        msg = f"device {name!r}: expected auto, cpu, cuda or cuda:N, N being the number of a GPU; "
        raise TrainingError(msg + did_you_mean(name, DEVICES))
    if int(asked["number"] or 0) >= count:
        built = "" if torch.version.cuda else ", which was built without CUDA,"
        msg = f"device {name!r}: not here: torch {torch.__version__}{built} finds {count} GPUs; expected cpu"
        raise TrainingError(msg + (f" or cuda:0 to cuda:{count - 1}" if count else ""))
    return torch.device(name)


@contextmanager
def reproducible() -> Iterator[None]:
    """While the `with` lasts torch computes in one order, or refuses to; what was set before is set again after it."""
    os.environ.setdefault(*CUBLAS_WORKSPACE)
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    if strict and not only_warns and threads == THREADS:
        yield  # within another `with`: nothing is to be set
        return
    torch.use_deterministic_algorithms(True)
    if threads != THREADS:
        torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=only_warns)
        if threads != THREADS:
            torch.set_num_threads(threads)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """While the `with` lasts random numbers come of the seed; whoever else draws some draws the same as without it."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield
