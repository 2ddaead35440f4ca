"""Who the pods are and what they may ask of Kubernetes: read from what Flink 2.1's own client calls, nothing more."""

from __future__ import annotations

from typing import Any

from headrace.runtime.kubernetes.deployment import Deployment

Manifest = dict[str, Any]

# The job manager starts, watches and ends its task managers.
PODS = ["create", "delete", "get", "list", "watch"]
# High availability: leader election patches its config map, checkpoint pointers are created, updated and deleted.
CONFIG_MAPS = ["create", "delete", "get", "list", "patch", "update", "watch"]
# A task manager finds its leader by watching a config map.
CONFIG_MAPS_READ = ["get", "list", "watch"]
# The job manager reads its own deployment to become the owner of its task managers, and deletes it when it is done.
DEPLOYMENTS = ["delete", "get"]
# Where a cluster enforces owner references (OpenShift does), naming an owner asks for this.
FINALIZERS = ["update"]


def access(deployment: Deployment) -> list[Manifest]:
    """Service account, role and binding of the job manager, and those of the task managers.

    Neither may read secrets: those a job needs are mounted by name, by the kubelet.
    """
    job_manager = [
        _rule("", "pods", PODS),
        _rule("", "configmaps", CONFIG_MAPS),
        _rule("apps", "deployments", DEPLOYMENTS),
        _rule("apps", "deployments/finalizers", FINALIZERS),
    ]
    task_manager = [_rule("", "configmaps", CONFIG_MAPS_READ)]
    return [
        *_identity(deployment, deployment.service_account, job_manager),
        *_identity(deployment, deployment.task_manager_account, task_manager),
    ]


def _identity(deployment: Deployment, name: str, rules: list[Manifest]) -> list[Manifest]:
    metadata = {"name": name, "namespace": deployment.namespace}
    group = "rbac.authorization.k8s.io"
    account: Manifest = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {**metadata, "annotations": dict(deployment.identity)},
        # Each pod that needs the token says so; another pod under this account gets none by accident.
        "automountServiceAccountToken": False,
    }
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    return [account, role, binding]


def _rule(group: str, resource: str, verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "verbs": verbs}
