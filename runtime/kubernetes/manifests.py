"""All manifests of one job, and their text: the same job and deployment give the same bytes."""

from __future__ import annotations

from typing import Any

import yaml

from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes.access import access
from headrace.runtime.kubernetes.cron_job import CronJob, cron_job_manifests
from headrace.runtime.kubernetes.deployment import Deployment
from headrace.runtime.kubernetes.flink_deployment import flink_deployment
from headrace.runtime.kubernetes.job_file import job_config_map
from headrace.runtime.kubernetes.names import deployment_name
from headrace.runtime.kubernetes.network import network_policies
from headrace.runtime.kubernetes.secrets import refuse_secrets

Manifest = dict[str, Any]

PART_OF = {"app.kubernetes.io/managed-by": "headrace", "app.kubernetes.io/part-of": "headrace"}


class _Dumper(yaml.SafeDumper):
    """Writes each value in full where it stands, and text of several lines as such."""

    def ignore_aliases(self, data: object) -> bool:
        """Never an anchor: a manifest is read by people and by tools that know none."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def manifests(spec: JobSpec, deployment: Deployment) -> list[Manifest]:
    """What to apply for a job, in an order in which nothing waits for what comes after it.

    Raises:
        SettingsError: the job holds a secret, or refers to one that its pods cannot read.
        JobError: the job is larger than a ConfigMap may be.
    """
    refuse_secrets(spec, deployment)
    name = deployment_name(spec.name)
    config_map = job_config_map(spec, deployment.namespace, name)
    flink = flink_deployment(spec, deployment, name, config_map["metadata"]["name"])
    made = [*access(deployment), *network_policies(deployment, name), config_map, flink]
    return [_labelled(manifest) for manifest in made]


def render(spec: JobSpec, deployment: Deployment) -> str:
    """The manifests of a job as one YAML text, ready for ``kubectl apply --server-side -f``.

    Raises:
        SettingsError: the job holds a secret, or refers to one that its pods cannot read.
        JobError: the job is larger than a ConfigMap may be.
    """
    return _dumped(manifests(spec, deployment))


def render_cron_job(job: CronJob) -> str:
    """The manifests of a command that is run at times, as one YAML text."""
    return _dumped([_labelled(manifest) for manifest in cron_job_manifests(job)])


def _dumped(made: list[Manifest]) -> str:
    # No line is folded: a folded plan could not be searched.
    return yaml.dump_all(made, Dumper=_Dumper, sort_keys=True, explicit_start=True, width=float("inf"))


def _labelled(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "labels": PART_OF}}
