"""The FlinkDeployment: what Flink's operator (1.13 or newer) runs, upgrades by savepoint and restarts."""

from __future__ import annotations

from typing import Any

from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.deployment import Deployment
from headrace.runtime.kubernetes.image import (
    FLINK_HOME,
    JOB_FILE,
    JOB_FOLDER,
    PYTHON,
    SCRATCH_FOLDER,
    operator_version_name,
)
from headrace.runtime.kubernetes.network import PORT_CONFIGURATION
from headrace.runtime.kubernetes.pod import job_manager_template, pod_resource, task_manager_template

Manifest = dict[str, Any]

ENTRY_CLASS = "org.apache.flink.client.python.PythonDriver"
ENTRY_MODULE = "headrace.jobs.run_plan"

# What a job gets that says nothing about it.
DEFAULT_CONFIGURATION = {
    # Sinks commit at checkpoints, so a job without them never shows a row.
    "execution.checkpointing.interval": "1 min",
    "execution.checkpointing.incremental": "true",
    # Fixes how far the job can ever be spread: many divisors, and a change of it loses the state.
    "pipeline.max-parallelism": "128",
    "state.backend.type": "rocksdb",
}
# Options that say where a job runs, or that the operator sets itself; those of the session cluster mean nothing here.
LEFT_BEHIND = (
    "execution.target",
    "execution.state-recovery.",
    "high-availability.",
    "jobmanager.",
    "kubernetes.",
    "pipeline.classpaths",
    "pipeline.jars",
    "rest.",
    "taskmanager.",
)


def flink_deployment(spec: JobSpec, deployment: Deployment, name: str, config_map: str) -> Manifest:
    """The FlinkDeployment of a job.

    Args:
        spec: the job.
        deployment: where it runs.
        name: the FlinkDeployment's own name.
        config_map: name of the ConfigMap that holds the job.
    """
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": deployment.namespace, "annotations": {"headrace/job": spec.name}},
        "spec": {
            "image": deployment.image,
            "imagePullPolicy": "IfNotPresent",
            "mode": "native",
            "flinkVersion": operator_version_name(deployment.flink_version),
            "flinkConfiguration": configuration(spec, deployment, name),
            "serviceAccount": deployment.service_account,
            "jobManager": {
                # One: high availability restores it from object storage, a standby would only wait.
                "replicas": 1,
                "resource": pod_resource(deployment.job_manager),
                "podTemplate": job_manager_template(deployment, config_map),
            },
            "taskManager": {
                "resource": pod_resource(deployment.task_manager),
                "podTemplate": task_manager_template(deployment),
            },
            "job": _job(spec, deployment),
        },
    }


def configuration(spec: JobSpec, deployment: Deployment, name: str) -> dict[str, str]:
    """Flink's options, the strongest last: defaults, the job's own, and those of the place."""
    own = {key: value for key, value in spec.configuration.items() if not key.startswith(LEFT_BEHIND)}
    return {**DEFAULT_CONFIGURATION, **own, **PORT_CONFIGURATION, **_place(deployment, name)}


def _place(deployment: Deployment, name: str) -> dict[str, str]:
    folder = f"{deployment.storage.rstrip('/')}/{name}"
    return {
        "execution.checkpointing.dir": f"{folder}/checkpoints",
        "execution.checkpointing.savepoint-dir": f"{folder}/savepoints",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": f"{folder}/ha",
        "io.tmp.dirs": SCRATCH_FOLDER,
        # Without its own, a task manager would hold the job manager's right to start pods.
        "kubernetes.taskmanager.service-account": deployment.task_manager_account,
        "python.client.executable": PYTHON,
        "python.executable": PYTHON,
        "taskmanager.numberOfTaskSlots": str(deployment.slots),
        # Flink's REST interface asks nobody who they are; what it cannot do need not be guarded.
        "web.cancel.enable": "false",
        "web.submit.enable": "false",
    }


def _job(spec: JobSpec, deployment: Deployment) -> Manifest:
    job: Manifest = {
        "jarURI": f"local://{FLINK_HOME}/opt/flink-python-{deployment.flink_version}.jar",
        "entryClass": ENTRY_CLASS,
        "args": ["-pyclientexec", PYTHON, "-pym", ENTRY_MODULE, "--spec", f"{JOB_FOLDER}/{JOB_FILE}"],
        "parallelism": spec.parallelism,
        "state": "running",
        "upgradeMode": "savepoint",
        # State that the plan does not claim is a mistake to look at, not something to drop in passing.
        "allowNonRestoredState": False,
    }
    if deployment.savepoint is not None:
        job["initialSavepointPath"] = deployment.savepoint
    if deployment.redeploy is not None:
        job["savepointRedeployNonce"] = deployment.redeploy
    return job
