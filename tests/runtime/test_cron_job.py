"""The CronJob of a model's schedules: its whole text, policies on the parsed text, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from headrace.errors import SettingsError
from headrace.runtime.kubernetes import SecretVariable
from headrace.runtime.kubernetes.cron_job import HOME_FOLDER, MOST_NAME, CronJob
from headrace.runtime.kubernetes.manifests import render_cron_job

from .test_kubernetes import CONTAINERFILE, GOLDEN, UPDATE

JOB = CronJob(
    name="schedule-late-trips",
    times="*/15 * * * *",
    arguments=("schedule", "run", "late_trips.py"),
    files={"late_trips.py": "RATE = 0.1\n", "headrace.yaml": "iceberg:\n  properties:\n    token: env:LAKE_TOKEN\n"},
    image="registry.example.com/headrace@sha256:" + "0" * 64,
    claim="headrace-home",
    namespace="risk",
    secrets=("lake",),
    secret_variables=(SecretVariable("LAKE_TOKEN", "lake", "token"),),
)


def one(kind: str, job: CronJob = JOB) -> dict[str, Any]:
    (found,) = (manifest for manifest in yaml.safe_load_all(render_cron_job(job)) if manifest["kind"] == kind)
    return dict(found)


def pod(job: CronJob = JOB) -> dict[str, Any]:
    return dict(one("CronJob", job)["spec"]["jobTemplate"]["spec"]["template"]["spec"])


def test_manifests_are_the_golden_file() -> None:
    golden = GOLDEN / "cron_job.yaml"
    if UPDATE:
        golden.write_text(render_cron_job(JOB), encoding="utf-8")
    assert render_cron_job(JOB) == golden.read_text(encoding="utf-8")


# The fields of batch/v1 CronJobSpec and JobSpec that are used, by the API's reference, with their types there.
SPEC: dict[str, type] = {
    "schedule": str,
    "timeZone": str,
    "concurrencyPolicy": str,
    "successfulJobsHistoryLimit": int,
    "failedJobsHistoryLimit": int,
    "jobTemplate": dict,
}


def test_fields_are_those_of_the_api() -> None:
    found = one("CronJob")
    assert found["apiVersion"] == "batch/v1"
    assert {name: type(value) for name, value in found["spec"].items()} == SPEC
    assert set(found["spec"]["jobTemplate"]["spec"]) == {"backoffLimit", "template"}


def test_one_works_at_a_time_and_a_failure_waits_for_the_next_look() -> None:
    spec = one("CronJob")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod()["restartPolicy"] == "Never"


def test_the_pod_is_not_root_has_limits_and_no_token() -> None:
    found = pod()
    (container,) = found["containers"]
    assert found["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert found["automountServiceAccountToken"] is False
    assert one("ServiceAccount")["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(found)


def test_what_can_be_written_is_the_home_and_scratch() -> None:
    mounts = pod()["containers"][0]["volumeMounts"]
    assert {one["mountPath"] for one in mounts if not one["readOnly"]} == {"/tmp", HOME_FOLDER}  # noqa: S108
    volumes = {one["name"]: one for one in pod()["volumes"]}
    assert set(volumes) == {one["name"] for one in mounts}
    assert volumes["home"]["persistentVolumeClaim"] == {"claimName": "headrace-home"}


def test_other_files_are_another_config_map() -> None:
    other = replace(JOB, files={**JOB.files, "late_trips.py": "RATE = 0.2\n"})
    names = [one("ConfigMap", job)["metadata"]["name"] for job in (JOB, other)]
    assert names[0] != names[1]
    assert [volume["configMap"]["name"] for volume in pod(other)["volumes"] if "configMap" in volume] == names[1:]


def test_a_long_name_is_one_that_kubernetes_takes() -> None:
    name = one("CronJob", replace(JOB, name="schedule-" + "very-" * 20 + "late"))["metadata"]["name"]
    assert len(name) <= MOST_NAME
    assert not name.endswith("-")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a floating image": ({"image": "headrace:latest"}, "image: expected a reference with a digest"),
    "a claim that is none": ({"claim": "My Home"}, "secret or claim: expected an RFC 1123 name"),
    "a file's path": ({"files": {"models/late.py": ""}}, "file 'models/late.py': expected a name of letters"),
    "a secret itself": ({"files": {"headrace.yaml": "cassandra:\n  password: hunter2"}}, "holds a secret"),
    "a secret in a list": ({"files": {"headrace.yaml": "a:\n- token: hunter2"}}, "holds a secret"),
    "an unknown reference": ({"secret_variables": ()}, "'token' refers to env:LAKE_TOKEN, which the pod cannot read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_run_is_refused_and_no_secret_repeated(case: str) -> None:
    changed, why = REFUSED[case]
    with pytest.raises(SettingsError, match=why) as refused:
        replace(JOB, **changed)
    assert "hunter2" not in str(refused.value)


def test_the_image_can_have_torch() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8")
    assert "ARG HEADRACE_EXTRAS=flink\n" in text
    assert '"headrace[${HEADRACE_EXTRAS}] @ file://' in text
