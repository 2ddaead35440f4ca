"""The entry point inside the image: submits one job from its file to the cluster around it (application mode).

Started by Flink's PythonDriver as ``python -m headrace.jobs.run_plan --spec /etc/headrace/job/job.json``. State is not
its concern: the operator says by Flink's own options from which savepoint the job starts.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from headrace.runtime.job_spec import JobSpec
from headrace.runtime.session import Application, FlinkSession

# Where the official image keeps Flink.
IMAGE_FLINK_HOME = "/opt/flink"


def run(spec: Path, flink_home: Path) -> str:
    """Submit the job in a file and return Flink's id of it.

    Args:
        spec: the job's file, as `JobSpec.save` wrote it.
        flink_home: Flink's home in the image; its ``lib`` holds the JARs, its ``log`` can be written.

    Raises:
        FileNotFoundError: there is no such file.
        JobError: Flink refuses the job.
    """
    session = FlinkSession(jars=flink_home / "lib", log_dir=flink_home / "log", cluster=Application())
    return session.submit(JobSpec.load(spec))


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m headrace.jobs.run_plan", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--spec", type=Path, required=True, metavar="PATH", help="the job's file (JSON)")
    chosen = parser.parse_args(arguments)
    print(f"submitted job {run(chosen.spec, Path(os.environ.get('FLINK_HOME', IMAGE_FLINK_HOME)))}")


if __name__ == "__main__":
    main()
