"""Tensors and JSON as one safetensors file: what states, checkpoints and weights are kept as, and never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from headrace.errors import ModelError

#: One entry of safetensors' metadata, as the order of several is not fixed and equal content must be equal bytes.
METADATA = "headrace"


def canonical(value: Any) -> bytes:
    """JSON of one spelling, so that equal values are equal bytes. ValueError for NaN and infinities.

    >>> canonical({"b": 1, "a": None})
    b'{"a":null,"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def pack(tensors: Mapping[str, Tensor], facts: Any) -> bytes:
    """Tensors and facts as safetensors; the same give the same bytes, on whatever device the tensors are."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(held, {METADATA: canonical(facts).decode()})


def unpack(packed: bytes, what: str) -> tuple[dict[str, Tensor], Any]:
    """What was packed; ModelError, naming `what`, when these bytes are no safetensors of headrace."""
    try:
        tensors = safetensors.torch.load(packed)
        size = int.from_bytes(packed[:8], "little")
        facts = json.loads(json.loads(packed[8 : 8 + size])["__metadata__"][METADATA])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        msg = f"{what}: expected safetensors that headrace wrote, found {packed[:16]!r}: {error}"
        raise ModelError(msg) from error
    return tensors, facts


def as_tensor(content: bytes) -> Tensor:
    """Bytes as a tensor of bytes, to be kept in a file beside others."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)


def as_bytes(tensor: Tensor) -> bytes:
    """The bytes that a tensor holds.

    >>> as_bytes(as_tensor(b"state"))
    b'state'
    """
    return tensor.numpy().tobytes()
