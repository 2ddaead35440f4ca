"""Where in the user's files something was written, for errors that point at it."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

#: Frames of these packages are not the user's: an error points at the line that called into them.
_OURS = ("headrace.", "ibis.")


class Place(NamedTuple):
    """A file, a line and, where SQL stands there, a column from 1; printed as `file:line` or `file:line:column`."""

    file: str
    line: int
    column: int = 0

    @property
    def path(self) -> str:
        """The file's path, relative to the working folder where it lies in it."""
        path = Path(self.file)
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else self.file

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f":{self.column}" if self.column else "")


def calling_frame() -> FrameType:
    """The nearest frame of the stack that is the user's."""
    frame = sys._getframe(1)
    while _is_ours(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of our own files; an example in a docstring has our module's name but not its file."""
    module = frame.f_globals
    return str(module.get("__name__", "")).startswith(_OURS) and module.get("__file__") == frame.f_code.co_filename


def calling_place() -> Place:
    """Where the user called into headrace."""
    frame = calling_frame()
    return Place(frame.f_code.co_filename, frame.f_lineno)


def place_of_code(code: CodeType) -> Place:
    """Where a function begins."""
    return Place(code.co_filename, code.co_firstlineno)


def place_of_error(error: BaseException, file: str) -> Place | None:
    """The innermost line of `file` in an error's traceback; None when it did not pass through the file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return Place(file, frames[-1].lineno or 0) if frames else None
