"""A command of headrace that Kubernetes runs again and again: a CronJob, its files and its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from headrace.connectors.secret import property_value, refers
from headrace.errors import SettingsError
from headrace.runtime.kubernetes.deployment import Resources, SecretVariable
from headrace.runtime.kubernetes.image import JOB_FOLDER, PYTHON, SCRATCH_FOLDER, SECRETS_FOLDER, pinned_image
from headrace.runtime.kubernetes.names import DATA_KEY, deployment_name, digest, label, subdomain
from headrace.runtime.kubernetes.pod import container_security, mount, pod_security, scratch, secret_volume, variables

Manifest = dict[str, Any]

#: The file of settings.
SETTINGS = "headrace.yaml"
#: Where the claim is mounted: what a model store, a registry and running work are kept in.
HOME_FOLDER = "/var/lib/headrace"
#: A name of a CronJob may have so many characters: Kubernetes adds eleven for each of its jobs.
MOST_NAME = 52
#: What ended is kept for a look at it, and no more.
KEPT_JOBS = 3
#: Two cores and room for a micro-batch of a few hundred thousand rows of a hundred columns, twice.
TRAINER = Resources(cpu=2, memory_mib=4096, scratch_gib=10)


@dataclass(frozen=True)
class CronJob:
    """A command that is run at times, one at a time.

    Args:
        name: what it is called; made valid where it is not.
        times: five fields of a crontab, in UTC.
        arguments: of `headrace`.
        files: text files that it reads, by name; `headrace.yaml` among them are the settings.
        image: with what the command needs (`--build-arg HEADRACE_EXTRAS=flink,train`), pinned by digest or tag.
        claim: a PersistentVolumeClaim for the home, which one pod at a time mounts.
        namespace, service_account, resources, secrets, secret_variables: as for a `Deployment`.

    Raises SettingsError for what Kubernetes would refuse, and for settings that hold a secret.
    """

    name: str
    times: str
    arguments: tuple[str, ...]
    files: Mapping[str, str]
    image: str
    claim: str
    namespace: str = "default"
    service_account: str = "headrace-schedule"
    resources: Resources = TRAINER
    secrets: tuple[str, ...] = ()
    secret_variables: tuple[SecretVariable, ...] = ()

    def __post_init__(self) -> None:
        pinned_image(self.image)
        for setting in ("namespace", "service_account"):
            label(setting, getattr(self, setting))
        for secret in (*self.secrets, self.claim):
            subdomain("secret or claim", secret)
        for name in self.files:
            if not DATA_KEY.fullmatch(name):
                msg = f"file {name!r}: expected a name of letters, digits, '-', '_' and '.'; rename it"
                raise SettingsError(msg)
        if SETTINGS in self.files:
            self._refuse_secrets(yaml.safe_load(self.files[SETTINGS]), "")

    def _refuse_secrets(self, node: Any, key: str) -> None:
        """SettingsError for a secret itself, and for a reference that the pod could not follow."""
        if isinstance(node, dict):
            for name, child in node.items():
                self._refuse_secrets(child, str(name))
        elif isinstance(node, list):
            for child in node:
                self._refuse_secrets(child, key)
        elif isinstance(node, str):
            try:
                property_value(key, node)
            except SettingsError as error:
                msg = f"{SETTINGS}: {key!r} holds a secret (not shown), and a ConfigMap is no place for one; write "
                raise SettingsError(msg + f"file:{SECRETS_FOLDER}/SECRET/KEY, and name the secret") from error
            if refers(key, node) and not self._reaches(node):
                msg = f"{SETTINGS}: {key!r} refers to {node}, which the pod cannot read; name it by --secret or "
                raise SettingsError(msg + "--secret-env")

    def _reaches(self, reference: str) -> bool:
        folders = tuple(f"file:{SECRETS_FOLDER}/{name}/" for name in self.secrets)
        named = [f"env:{variable.name}" for variable in self.secret_variables]
        return reference in named or (bool(folders) and reference.startswith(folders))


def cron_job_manifests(job: CronJob) -> list[Manifest]:
    """Its service account, which may ask nothing of Kubernetes, a ConfigMap with its files, and the CronJob."""
    name = deployment_name(job.name)[:MOST_NAME].rstrip("-")
    text = yaml.safe_dump(dict(job.files))
    files = f"{name}-{digest(text)}"
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": job.service_account, "namespace": job.namespace},
        "automountServiceAccountToken": False,
    }
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": files, "namespace": job.namespace},
        "immutable": True,
        "data": dict(job.files),
    }
    return [account, config_map, _cron_job(job, name, files)]


def _cron_job(job: CronJob, name: str, files: str) -> Manifest:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": job.namespace},
        "spec": {
            "schedule": job.times,
            "timeZone": "Etc/UTC",
            # The lease would keep a second one from working, too; this keeps it from being started.
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": KEPT_JOBS,
            "failedJobsHistoryLimit": KEPT_JOBS,
            # The next look tries again what failed, after its pause: a pod that is started anew would not wait.
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": _pod(job, files)}}},
        },
    }


def _pod(job: CronJob, files: str) -> Manifest:
    read_only = [({"name": "files", "configMap": {"name": files}}, JOB_FOLDER)]
    read_only += [(secret_volume(one, at), f"{SECRETS_FOLDER}/{one}") for at, one in enumerate(job.secrets)]
    written = [
        (scratch("tmp", job.resources.scratch_gib), SCRATCH_FOLDER),
        ({"name": "home", "persistentVolumeClaim": {"claimName": job.claim}}, HOME_FOLDER),
    ]
    mounts = [mount(volume, at, read_only=False) for volume, at in written]
    mounts += [mount(volume, at, read_only=True) for volume, at in read_only]
    return {
        "serviceAccountName": job.service_account,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(),
        "containers": [_container(job, mounts)],
        "volumes": [volume for volume, _ in [*written, *read_only]],
    }


def _container(job: CronJob, mounts: list[Manifest]) -> Manifest:
    size = job.resources
    limits = {"cpu": str(size.cpu), "memory": f"{size.memory_mib}Mi", "ephemeral-storage": f"{size.scratch_gib}Gi"}
    home = {"name": "HEADRACE__HOME", "value": HOME_FOLDER}
    return {
        "name": "headrace",
        "image": job.image,
        "command": [str(PurePosixPath(PYTHON).with_name("headrace")), *job.arguments],
        "workingDir": JOB_FOLDER,
        "env": [home, {"name": "HOME", "value": SCRATCH_FOLDER}, *variables(job.secret_variables)],
        "resources": {"requests": limits, "limits": limits},
        "securityContext": container_security(),
        "volumeMounts": mounts,
    }
