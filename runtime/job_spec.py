"""What is submitted: one job as a value, the same for a session cluster and for Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

# Declarations hold addresses and user names.
OWNER_ONLY = 0o600


@dataclass(frozen=True)
class JobSpec:
    """A compiled job, complete: nothing else is needed to start it or to resume it from a savepoint.

    Args:
        name: the job's name, shown by Flink; for a view's job it is the run id.
        plan: Flink's compiled plan (JSON), which carries the stable operator ids.
        declarations: the statements that create the tables and functions which the plan names: a compiled plan does not
            hold temporary objects. Secrets in them are references; addresses and user names are not, so the file is
            for its owner only.
        configuration: Flink options of this job.
        parallelism: subtasks an operator.
        knobs: what a view's job was tuned by: of each knob its value, and the place that it came from.

    >>> spec = JobSpec("run-1", "{}", ("CREATE ...",), {"a": "b"}, 2)
    >>> JobSpec.from_json(spec.to_json()) == spec
    True
    """

    name: str
    plan: str
    declarations: tuple[str, ...]
    configuration: Mapping[str, str]
    parallelism: int
    knobs: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def flink_options(self) -> dict[str, str]:
        """The job's Flink options, its parallelism among them."""
        return {**self.configuration, "parallelism.default": str(self.parallelism)}

    def to_json(self) -> str:
        """This job as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job from `to_json`'s text."""
        data = json.loads(text)
        knobs = {name: (value, origin) for name, (value, origin) in data.get("knobs", {}).items()}
        return cls(**{**data, "declarations": tuple(data["declarations"]), "knobs": knobs})

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.touch(mode=OWNER_ONLY)
        part.write_text(self.to_json(), encoding="utf-8")
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The job that `save` wrote."""
        return cls.from_json(path.read_text(encoding="utf-8"))
