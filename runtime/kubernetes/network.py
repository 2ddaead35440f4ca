"""Who may open a connection to a job's pods: each other, on Flink's ports, and the operator, on the REST port.

Flink's REST interface asks for no password, and who reaches it can stop the job; Flink's other ports trust their peer.
"""

from __future__ import annotations

from typing import Any

from headrace.runtime.kubernetes.deployment import Deployment

Manifest = dict[str, Any]

TASK_MANAGER_DATA_PORT = 6121
TASK_MANAGER_RPC_PORT = 6122
JOB_MANAGER_RPC_PORT = 6123
BLOB_PORT = 6124
METRICS_PORT = 6126
REST_PORT = 8081

# Flink chooses the data and the metric port at random; a policy can only name ports that stay.
PORT_CONFIGURATION = {
    "taskmanager.data.port": str(TASK_MANAGER_DATA_PORT),
    "taskmanager.rpc.port": str(TASK_MANAGER_RPC_PORT),
    "jobmanager.rpc.port": str(JOB_MANAGER_RPC_PORT),
    "blob.server.port": str(BLOB_PORT),
    "metrics.internal.query-service.port": str(METRICS_PORT),
    "rest.port": str(REST_PORT),
}
BETWEEN_PODS = [
    TASK_MANAGER_DATA_PORT,
    TASK_MANAGER_RPC_PORT,
    JOB_MANAGER_RPC_PORT,
    BLOB_PORT,
    METRICS_PORT,
    REST_PORT,
]


def network_policies(deployment: Deployment, name: str) -> list[Manifest]:
    """Two policies; as soon as one names a pod, all that none of them allows is denied."""
    operator = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": deployment.operator_namespace}}}
    pods = {"podSelector": {"matchLabels": _pods(name)}}
    return [
        _policy(deployment, name, _pods(name), pods, BETWEEN_PODS),
        _policy(deployment, f"{name}-operator", {**_pods(name), "component": "jobmanager"}, operator, [REST_PORT]),
    ]


def _pods(name: str) -> dict[str, str]:
    """The labels that Flink itself puts on every pod of a cluster."""
    return {"app": name, "type": "flink-native-kubernetes"}


def _policy(deployment: Deployment, name: str, to: dict[str, str], peer: Manifest, ports: list[int]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": deployment.namespace},
        "spec": {
            "podSelector": {"matchLabels": to},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [peer], "ports": [{"port": port, "protocol": "TCP"} for port in ports]}],
        },
    }
