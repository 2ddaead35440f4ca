"""The ConfigMap that carries a job to its job manager.

The text is not compressed, so a reviewer and every scanner of manifests can read it; the limit is far away: four tile
groups of forty aggregates each, every one to two sinks, make 0.3 MB. The ConfigMap's name ends in a digest of its text,
because the operator looks at the FlinkDeployment alone: only a new name there makes it see a new plan, take a savepoint
and start again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.errors import JobError
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.image import JOB_FILE
from headrace.runtime.kubernetes.names import digest

# Kubernetes' own limit for the data of a ConfigMap, keys included.
MAX_CONFIG_MAP_BYTES = 1024 * 1024


def job_text(spec: JobSpec) -> str:
    """The job as the pod reads it: without its options, which the FlinkDeployment holds for the operator to see."""
    return replace(spec, configuration={}).to_json()


def job_config_map_name(spec: JobSpec, name: str) -> str:
    """The ConfigMap's name: another one for another job text."""
    return f"{name}-job-{digest(job_text(spec))}"


def job_config_map(spec: JobSpec, namespace: str, name: str) -> dict[str, Any]:
    """The ConfigMap of a job.

    Raises:
        JobError: the job is larger than a ConfigMap may be.
    """
    text = job_text(spec)
    size = len(text.encode()) + len(JOB_FILE)
    if size > MAX_CONFIG_MAP_BYTES:
        msg = (
            f"job {spec.name!r}: its plan makes a ConfigMap of {size:,} bytes, and Kubernetes takes "
            f"{MAX_CONFIG_MAP_BYTES:,}; split the view into views with fewer features or tile groups"
        )
        raise JobError(msg)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": job_config_map_name(spec, name), "namespace": namespace},
        "immutable": True,
        "data": {JOB_FILE: text},
    }
