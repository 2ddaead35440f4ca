"""What differs between two artifacts is named: the file, the value or the tensor, and by how much."""

from __future__ import annotations

import torch

from headrace.training.learning.packed import pack
from headrace.training.models.difference import Difference
from headrace.training.models.file_difference import file_differences

WEIGHTS = torch.tensor([1.0, 2.0, 3.0])


def packed(**tensors: torch.Tensor) -> bytes:
    return pack({name: tensor.clone() for name, tensor in tensors.items()}, {})


def test_equal_files_do_not_differ() -> None:
    files = {"model.json": b'{"rate": 1}', "weights.safetensors": packed(w=WEIGHTS)}
    assert list(file_differences(files, dict(files))) == []


def test_a_tensor_is_named_with_how_far_its_numbers_are_apart() -> None:
    left = {"weights.safetensors": packed(same=WEIGHTS, w=WEIGHTS, gone=WEIGHTS, n=torch.tensor([0.0]))}
    changed = {"same": WEIGHTS, "w": WEIGHTS + torch.tensor([0, 0.5, 0]), "new": WEIGHTS, "n": torch.tensor([-0.0])}
    found = list(file_differences(left, {"weights.safetensors": packed(**changed)}))
    assert found == [
        Difference("weights.safetensors", "gone", "float32 [3]", None),
        # Minus zero is another number, though no distance away.
        Difference("weights.safetensors", "n", "float32 [1]", "0 of 1 numbers differ, by up to 0"),
        Difference("weights.safetensors", "new", None, "float32 [3]"),
        Difference("weights.safetensors", "w", "float32 [3]", "1 of 3 numbers differ, by up to 0.5"),
    ]


def test_another_shape_another_file_and_what_cannot_be_read_are_told() -> None:
    left = {"a.json": b"{}", "b.json": b'{"rate": 1}', "w.safetensors": packed(w=WEIGHTS), "x.bin": b"1"}
    right = {"b.json": b'{"rate":1}', "w.safetensors": packed(w=WEIGHTS.double()), "x.bin": b"22", "y.json": b"{}"}
    assert list(file_differences(left, right)) == [
        Difference("a.json", "file", "2 bytes", None),
        # Equal values, other bytes: another address.
        Difference("b.json", "bytes", "11 bytes", "10 bytes"),
        Difference("w.safetensors", "w", "float32 [3]", "float64 [3]"),
        Difference("x.bin", "bytes", "1 bytes", "2 bytes"),
        Difference("y.json", "file", None, "2 bytes"),
    ]
