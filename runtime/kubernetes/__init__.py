"""A job on Kubernetes: from a `JobSpec` and a `Deployment` to the manifests that Flink's operator runs.

Nothing here talks to a cluster: manifests are values, so they are reviewed, tested and applied as files.
"""

from headrace.runtime.kubernetes.deployment import Deployment, Resources, SecretVariable
from headrace.runtime.kubernetes.manifests import manifests, render
from headrace.runtime.kubernetes.secrets import refuse_secrets

__all__ = ["Deployment", "Resources", "SecretVariable", "manifests", "refuse_secrets", "render"]
