"""What a file of an artifact may be: JSON or safetensors, sound, and never a pickle, which is code to whoever loads it.

The safetensors format is checked by hand, so that whoever has no torch can tell a sound file from another:
https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from headrace.errors import ArtifactError

#: A name is a file in one folder on every system, so it has no path in it and does not begin with a dot.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
JSON, SAFETENSORS = ".json", ".safetensors"
#: Names under which pickles go.
PICKLE_NAMES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz")
#: `torch.save` writes a zip of pickles; a pickle of protocol 2 and above begins with PROTO.
PICKLE_STARTS = (b"PK\x03\x04", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
#: The length of the header stands in front of it, as an unsigned little-endian integer.
LENGTH_BYTES = 8
#: What the format's own readers refuse to parse.
LONGEST_HEADER = 100_000_000
#: Bytes of one element. Types of less than a byte are left out: no model of ours has them.
ELEMENT_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


def check_file(name: str, content: bytes) -> None:
    """Raise ArtifactError, naming the file, unless name and content are those of a sound JSON or safetensors file.

    >>> check_file("model.json", b'{"rate": 0.1}')
    >>> check_file("model.pkl", b"")
    Traceback (most recent call last):
    headrace.errors.ArtifactError: file 'model.pkl' is a pickle by its name; a pickle runs code when it is loaded: ...
    """
    _check_name(name)
    try:
        (_check_safetensors if name.endswith(SAFETENSORS) else _parsed)(content)
    except _UnsoundError as error:
        _refuse_pickle(name, content.startswith(PICKLE_STARTS), "content")
        msg = f"file {name!r} is no sound {name.rpartition('.')[2]}: {error}"
        raise ArtifactError(msg) from error


class _UnsoundError(ValueError):
    """What is wrong with a file's content."""


def _check_name(name: str) -> None:
    _refuse_pickle(name, name.lower().endswith(PICKLE_NAMES), "name")
    if not NAME.fullmatch(name) or not name.endswith((JSON, SAFETENSORS)):
        msg = (
            f"file {name!r}: expected a name of letters, digits, '_', '-' and '.' that ends in {JSON} or {SAFETENSORS}"
        )
        raise ArtifactError(msg)


def _refuse_pickle(name: str, is_pickle: bool, by: str) -> None:
    if is_pickle:
        msg = (
            f"file {name!r} is a pickle by its {by}; a pickle runs code when it is loaded: "
            f"save weights as {SAFETENSORS} and everything else as {JSON}"
        )
        raise ArtifactError(msg)


def _parsed(content: bytes) -> Any:
    """JSON by the standard: no NaN, and no name twice in one object, of which readers choose differently."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once_each)
    except RecursionError as error:
        msg = "nested too deep"
        raise _UnsoundError(msg) from error
    except _UnsoundError:
        raise
    except ValueError as error:
        raise _UnsoundError(str(error)) from error


def _refuse_constant(found: str) -> NoReturn:
    msg = f"{found} is no JSON"
    raise _UnsoundError(msg)


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        msg = f"the name {next(name for name in names if names.count(name) > 1)!r} is there twice"
        raise _UnsoundError(msg)
    return found


def _check_safetensors(content: bytes) -> None:
    """The header's length, its JSON, and that the tensors lie one behind the other until the end of the file."""
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    room = len(content) - LENGTH_BYTES
    if room < 0 or not 0 < length <= min(room, LONGEST_HEADER):
        msg = f"a header of {length:,} bytes is told, in a file of {len(content):,}"
        raise _UnsoundError(msg)
    header = _parsed(content[LENGTH_BYTES : LENGTH_BYTES + length])
    if not isinstance(header, dict) or not content[LENGTH_BYTES:].startswith(b"{"):
        msg = "the header is no JSON object"
        raise _UnsoundError(msg)
    _check_metadata(header.pop("__metadata__", {}))
    _check_layout([_span(name, tensor) for name, tensor in header.items()], room - length)


def _check_metadata(found: object) -> None:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        msg = f"__metadata__ is no map of text to text: {found!r}"
        raise _UnsoundError(msg)


def _span(name: str, tensor: object) -> tuple[int, int, str]:
    """Where a tensor begins and ends behind the header, if that is as long as its type and shape say."""
    if not isinstance(tensor, dict) or tensor.keys() != {"dtype", "shape", "data_offsets"}:
        msg = f"tensor {name!r}: expected dtype, shape and data_offsets, found {tensor!r}"
        raise _UnsoundError(msg)
    dtype, shape, offsets = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ELEMENT_BYTES:
        msg = f"tensor {name!r}: no type {dtype!r}; known: {', '.join(ELEMENT_BYTES)}"
        raise _UnsoundError(msg)
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        msg = f"tensor {name!r}: expected sizes in shape and two offsets, found {shape!r} and {offsets!r}"
        raise _UnsoundError(msg)
    if offsets[1] - offsets[0] != math.prod(shape) * ELEMENT_BYTES[dtype]:
        msg = f"tensor {name!r}: {dtype} of shape {shape} does not fit offsets {offsets}"
        raise _UnsoundError(msg)
    return offsets[0], offsets[1], name


def _are_sizes(found: object) -> bool:
    return isinstance(found, list) and all(type(one) is int and one >= 0 for one in found)


def _check_layout(spans: Sequence[tuple[int, int, str]], size: int) -> None:
    """A gap could hide anything, and an overlap would let one tensor change another."""
    end = 0
    for begin, after, name in sorted(spans):
        if begin != end:
            msg = f"tensor {name!r} begins at {begin:,}, expected {end:,}"
            raise _UnsoundError(msg)
        end = after
    if end != size:
        msg = f"the tensors end at {end:,}, the file at {size:,}"
        raise _UnsoundError(msg)
