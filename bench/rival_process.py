"""A rival in a process and an environment of its own: questions and answers, a line of JSON each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from headrace.bench.environments import variables
from headrace.bench.latency import Latency
from headrace.errors import StackError

#: What it writes to its standard error, under its folder.
LOG = "rival.log"


class RivalProcess:
    """A script in a process, such as `feast_side.py`, that is told first what it works on; use it in a `with`.

    Args:
        python: the interpreter of its environment.
        script: the script.
        folder: where it may write.
        first: its first line.
    """

    def __init__(self, python: Path, script: Path, folder: Path, first: Mapping[str, Any]) -> None:
        self.folder = folder
        with (folder / LOG).open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [str(python), str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env=variables(folder),
            )
        self._questions, self._answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        self._answer(first)

    def __enter__(self) -> RivalProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, what: str, **asked: Any) -> dict[str, Any]:
        """Its answer to a question; StackError, with the end of what it wrote, when it died instead."""
        return self._answer({"ask": what, **asked})

    def values(self, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """A row of values for each key."""
        return [tuple(row) for row in self.ask("values", keys=list(keys))["rows"]]

    def timed(self, requests: Sequence[Sequence[int]]) -> Latency:
        """How long it took for requests, by its own clock."""
        found = self.ask("seconds", requests=[list(keys) for keys in requests])
        return Latency(tuple(found["seconds"]), found["cpu_s"])

    def _answer(self, line: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self._questions.write(json.dumps(line) + "\n")
            self._questions.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        if not (answer := self._answers.readline()):
            raise self._died()
        found: dict[str, Any] = json.loads(answer)
        return found

    def _died(self) -> StackError:
        """Why there is no answer."""
        status = self._process.wait()
        said = (self.folder / LOG).read_text(encoding="utf-8").strip().splitlines()[-1:]
        return StackError(f"the rival ended with exit status {status}: {''.join(said)}")
