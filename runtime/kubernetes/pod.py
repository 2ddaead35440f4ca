"""The pods of a job: not root, nothing to write to but scratch and log, no privilege to gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.runtime.kubernetes.deployment import Deployment, Resources, SecretVariable
from headrace.runtime.kubernetes.image import FLINK_USER_ID, JOB_FOLDER, LOG_FOLDER, SCRATCH_FOLDER, SECRETS_FOLDER

Manifest = dict[str, Any]

# The name by which Flink knows its own container in a template.
MAIN_CONTAINER = "flink-main-container"
# Flink rolls its log files at 100 MB and keeps ten.
LOG_GIB = 2
# Read by the owner and the group, which is the pods' own; nobody writes.
SECRET_FILE_MODE = 0o440


def job_manager_template(deployment: Deployment, config_map: str) -> Manifest:
    """The job manager's pod: it alone sees the job's plan."""
    job = {"name": "job", "configMap": {"name": config_map}}
    return _template(deployment, deployment.job_manager, [(job, JOB_FOLDER)])


def task_manager_template(deployment: Deployment) -> Manifest:
    """A task manager's pod."""
    return _template(deployment, deployment.task_manager, [])


def pod_resource(resources: Resources) -> Manifest:
    """What a pod gets, in the words of the operator, which makes it request and limit."""
    return {
        "cpu": resources.cpu,
        "memory": f"{resources.memory_mib}m",
        "ephemeralStorage": f"{resources.scratch_gib + LOG_GIB}Gi",
    }


def pod_security() -> Manifest:
    """What holds for a whole pod: not root, and the system calls of the container runtime's default."""
    return {
        "runAsNonRoot": True,
        "runAsUser": FLINK_USER_ID,
        "runAsGroup": FLINK_USER_ID,
        "fsGroup": FLINK_USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """What holds for a container: no privilege to gain, and a root that nobody writes to."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }


def scratch(name: str, gib: int) -> Manifest:
    """A volume that is empty at first, of limited size, and gone with the pod."""
    return {"name": name, "emptyDir": {"sizeLimit": f"{gib}Gi"}}


def secret_volume(name: str, position: int) -> Manifest:
    """The keys of a Kubernetes secret as files; `position` is its place among the pod's."""
    # A volume's name may be shorter than a secret's, and must not hold its dots.
    return {"name": f"secret-{position}", "secret": {"secretName": name, "defaultMode": SECRET_FILE_MODE}}


def variables(found: Sequence[SecretVariable]) -> list[Manifest]:
    """Environment variables, each one key of a secret."""
    return [{"name": one.name, "valueFrom": {"secretKeyRef": {"name": one.secret, "key": one.key}}} for one in found]


def mount(volume: Manifest, at: str, *, read_only: bool) -> Manifest:
    """A volume of the pod, where its container has it."""
    return {"name": volume["name"], "mountPath": at, "readOnly": read_only}


def _template(deployment: Deployment, resources: Resources, more: list[tuple[Manifest, str]]) -> Manifest:
    """A whole template for each kind of pod: the operator merges a common one by position, mount into wrong mount."""
    written = [
        (scratch("tmp", resources.scratch_gib), SCRATCH_FOLDER),
        (scratch("log", LOG_GIB), LOG_FOLDER),
    ]
    secrets = [
        (secret_volume(name, position), f"{SECRETS_FOLDER}/{name}") for position, name in enumerate(deployment.secrets)
    ]
    read_only = [*more, *secrets]
    mounts = [mount(volume, at, read_only=False) for volume, at in written]
    mounts += [mount(volume, at, read_only=True) for volume, at in read_only]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            # The job manager starts pods, and a task manager watches for its leader: both talk to Kubernetes.
            "automountServiceAccountToken": True,
            "securityContext": pod_security(),
            "containers": [_container(deployment, mounts)],
            "volumes": [volume for volume, _ in [*written, *read_only]],
        },
    }


def _container(deployment: Deployment, mounts: list[Manifest]) -> Manifest:
    own = {"name": MAIN_CONTAINER, "securityContext": container_security(), "volumeMounts": mounts}
    found = variables(deployment.secret_variables)
    return {**own, "env": found} if found else own
