"""Where and how torch computes, so that the same numbers come out: the device, the threads, the random state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from headrace.errors import TrainingError

#: What NVIDIA asks for so that cuBLAS adds in one order (its manual, "Results reproducibility").
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
#: Sums depend on how many threads share them; micro-batches are too small for several to pay.
THREADS = 1


def device_of(name: str) -> torch.device:
    """The device of a name: `auto` is the GPU where there is one. TrainingError for one that is not here.

    >>> device_of("cpu")
    device(type='cpu')
    """
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    try:
        device = torch.device(chosen)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = f"device {name!r}: not on this machine: {error}; expected auto, cpu or cuda"
        raise TrainingError(msg) from error
    return device


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
