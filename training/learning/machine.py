"""What a machine lacks, told from what is wrong with a model: it says nothing of the model, and may pass."""

from __future__ import annotations

import torch

#: What errors say that torch and Python raise as plain RuntimeErrors, of memory, threads and devices.
LACKING = (
    "DefaultCPUAllocator",
    "allocate memory",
    "out of memory",
    "not enough memory",
    "bad_alloc",
    "start new thread",
    "Resource temporarily unavailable",
    "CUDA error",
)


def is_of_machine(error: Exception) -> bool:
    """Whether an error is of memory, threads or a device, and would not be on a machine that has enough of them.

    >>> is_of_machine(RuntimeError("can't start new thread")), is_of_machine(RuntimeError("size mismatch"))
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(one in str(error) for one in LACKING)
