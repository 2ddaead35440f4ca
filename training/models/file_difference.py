"""What differs between the files of two artifacts: values of JSON by their paths, tensors by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from torch import Tensor

from headrace.errors import ModelError
from headrace.training.learning.packed import unpack
from headrace.training.models.difference import Difference, differences

TENSORS, JSON = ".safetensors", ".json"


def file_differences(left: Mapping[str, bytes], right: Mapping[str, bytes]) -> Iterator[Difference]:
    """Each difference, under the name of its file. Of a tensor: what it is, and how far its numbers are apart at most.

    >>> [one.name for one in file_differences({"model.json": b'{"rate": 1}'}, {"model.json": b'{"rate": 2}'})]
    ['rate']
    """
    for name in sorted({*left, *right}):
        before, after = left.get(name), right.get(name)
        if before == after:
            continue
        if before is None or after is None:
            yield Difference(name, "file", _there(before), _there(after))
        else:
            yield from _within(name, before, after)


def _within(name: str, before: bytes, after: bytes) -> Iterator[Difference]:
    """The differences of one file; of one that nothing here can read, that its bytes differ."""
    found: list[Difference] = []
    try:
        if name.endswith(JSON):
            found = differences(name, json.loads(before), json.loads(after))
        elif name.endswith(TENSORS):
            found = list(_tensors(name, unpack(before, name)[0], unpack(after, name)[0]))
    except (ValueError, ModelError):
        found = []
    yield from found or [Difference(name, "bytes", _there(before), _there(after))]


def _tensors(file: str, left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> Iterator[Difference]:
    for name in sorted({*left, *right}):
        before, after = left.get(name), right.get(name)
        if before is None or after is None or before.shape != after.shape or before.dtype != after.dtype:
            yield Difference(file, name, _shape(before), _shape(after))
        elif before.numpy().tobytes() != after.numpy().tobytes():
            apart = (before.double() - after.double()).abs()
            told = f"{int((apart > 0).sum())} of {apart.numel()} numbers differ, by up to {float(apart.max()):g}"
            yield Difference(file, name, _shape(before), told)


def _shape(tensor: Tensor | None) -> str | None:
    return None if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _there(content: bytes | None) -> str | None:
    return None if content is None else f"{len(content)} bytes"
