"""Manifests: golden files for the whole text, policies on the parsed text, and what is refused."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import JobError, SettingsError
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes import Deployment, Resources, SecretVariable, refuse_secrets, render
from headrace.runtime.kubernetes import image as image_facts
from headrace.runtime.kubernetes.job_file import MAX_CONFIG_MAP_BYTES, job_text
from headrace.runtime.kubernetes.names import deployment_name
from headrace.runtime.kubernetes.network import PORT_CONFIGURATION

GOLDEN = Path(__file__).parent / "golden"
CONTAINERFILE = Path(__file__).resolve().parents[2] / "k8s" / "Containerfile"
# Set it to write the golden files anew; then read their diff.
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
SENTINEL = "SENTINEL-8f1e"

REFERENCE = "file:/etc/headrace/secrets/cassandra/password"
PLAN = json.dumps(
    {
        "flinkVersion": "2.1",
        "nodes": [
            {
                "id": 1,
                "type": "stream-exec-sink_1",
                "dynamicTableSink": {
                    "table": {
                        "resolvedTable": {
                            "options": {
                                "connector": "headrace-cassandra",
                                "username": "env:CASSANDRA_USER",
                                "password": REFERENCE,
                            },
                        },
                    },
                },
            }
        ],
    },
    indent=2,
)
FUNCTIONS = ("CREATE TEMPORARY SYSTEM FUNCTION HR_MICROS AS 'io.headrace.flink.functions.HrMicros'",)
LOCAL_OPTIONS = {
    "execution.target": "remote",
    "rest.address": "127.0.0.1",
    "execution.checkpointing.dir": "file:///home/me/.headrace/checkpoints",
    "execution.checkpointing.interval": "10 s",
    "table.exec.mini-batch.enabled": "true",
}
SPEC = JobSpec("headrace_flights_2013_1", PLAN, FUNCTIONS, LOCAL_OPTIONS, 4)
SMALL_SPEC = JobSpec("flights-1", "{}", (), {}, 1)
SMALL = Deployment(image="headrace:0.1.0", storage="s3://lake/flink", flink_version="2.1.3")
FULL = Deployment(
    image="registry.example.com/risk/headrace@sha256:" + "0" * 64,
    storage="s3://lake/flink/",
    namespace="risk",
    service_account="flights",
    identity=(("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/flights"),),
    job_manager=Resources(cpu=0.5, memory_mib=1600, scratch_gib=2),
    task_manager=Resources(cpu=4, memory_mib=8192, scratch_gib=100),
    slots=4,
    secrets=("cassandra", "kafka.client"),
    secret_variables=(SecretVariable("CASSANDRA_USER", "cassandra", "username"),),
    operator_namespace="flink-system",
    savepoint="s3://lake/flink/old/savepoints/savepoint-1",
    redeploy=3,
    flink_version="2.1.3",
)
WITH_SECRETS = replace(
    SMALL, secrets=("cassandra",), secret_variables=(SecretVariable("CASSANDRA_USER", "cassandra", "username"),)
)
CASES = {"small": (SMALL_SPEC, SMALL), "full": (SPEC, FULL)}


def parsed(case: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(render(*CASES[case])))


def one(case: str, kind: str) -> dict[str, Any]:
    (found,) = (manifest for manifest in parsed(case) if manifest["kind"] == kind)
    return found


def templates(case: str) -> list[dict[str, Any]]:
    spec = one(case, "FlinkDeployment")["spec"]
    return [spec[part]["podTemplate"]["spec"] for part in ("jobManager", "taskManager")]


both = pytest.mark.parametrize("case", CASES)


@both
def test_manifests_are_the_golden_file(case: str) -> None:
    golden = GOLDEN / f"{case}.yaml"
    if UPDATE:
        golden.write_text(render(*CASES[case]), encoding="utf-8")
    assert render(*CASES[case]) == golden.read_text(encoding="utf-8")


@both
def test_rendering_twice_gives_the_same_bytes(case: str) -> None:
    spec, deployment = CASES[case]
    shuffled = replace(spec, configuration=dict(reversed(spec.configuration.items())))
    assert render(shuffled, deployment) == render(spec, deployment)


# Policies: what no manifest may do.


@both
def test_no_role_has_a_wildcard_or_sees_secrets(case: str) -> None:
    roles = [manifest for manifest in parsed(case) if manifest["kind"] in {"Role", "ClusterRole"}]
    assert [role["kind"] for role in roles] == ["Role", "Role"]
    for rule in (rule for role in roles for rule in role["rules"]):
        assert set(rule["resources"]) <= {"pods", "configmaps", "deployments", "deployments/finalizers"}
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


@both
def test_task_managers_may_only_read_config_maps(case: str) -> None:
    account = one(case, "FlinkDeployment")["spec"]["flinkConfiguration"]["kubernetes.taskmanager.service-account"]
    (role,) = (m for m in parsed(case) if m["kind"] == "Role" and m["metadata"]["name"] == account)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


@both
def test_bindings_name_accounts_and_roles_that_are_made(case: str) -> None:
    made = {(m["kind"], m["metadata"]["name"]) for m in parsed(case)}
    for binding in (m for m in parsed(case) if m["kind"] == "RoleBinding"):
        assert ("Role", binding["roleRef"]["name"]) in made
        assert {("ServiceAccount", subject["name"]) for subject in binding["subjects"]} <= made
    assert ("ServiceAccount", one(case, "FlinkDeployment")["spec"]["serviceAccount"]) in made


@both
def test_accounts_hand_out_no_token_unasked(case: str) -> None:
    accounts = [m for m in parsed(case) if m["kind"] == "ServiceAccount"]
    assert [account["automountServiceAccountToken"] for account in accounts] == [False, False]


@both
def test_pods_are_not_root_and_cannot_become_it(case: str) -> None:
    for pod in templates(case):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "privileged": False,
                "readOnlyRootFilesystem": True,
            }


@both
def test_pods_touch_nothing_of_their_node(case: str) -> None:
    for pod in templates(case):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all({"emptyDir", "configMap", "secret"} & set(volume) for volume in pod["volumes"])


@both
def test_what_can_be_written_is_scratch_of_limited_size(case: str) -> None:
    for pod in templates(case):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = pod["containers"][0]["volumeMounts"]
        written = {mount["mountPath"]: volumes[mount["name"]] for mount in mounts if not mount["readOnly"]}
        assert set(written) == {"/tmp", "/opt/flink/log"}  # noqa: S108
        assert all("sizeLimit" in volume["emptyDir"] for volume in written.values())


@both
def test_each_pod_has_limits(case: str) -> None:
    spec = one(case, "FlinkDeployment")["spec"]
    for part in ("jobManager", "taskManager"):
        # The operator makes request and limit of it.
        assert set(spec[part]["resource"]) == {"cpu", "memory", "ephemeralStorage"}


@both
def test_only_the_job_manager_sees_the_plan(case: str) -> None:
    job_manager, task_manager = templates(case)
    assert [v["configMap"]["name"] for v in job_manager["volumes"] if "configMap" in v] == [
        one(case, "ConfigMap")["metadata"]["name"]
    ]
    assert not [v for v in task_manager["volumes"] if "configMap" in v]


@both
def test_network_is_closed_but_for_the_jobs_own_pods_and_the_operator(case: str) -> None:
    name = one(case, "FlinkDeployment")["metadata"]["name"]
    pods = {"app": name, "type": "flink-native-kubernetes"}
    inside, operator = (m["spec"] for m in parsed(case) if m["kind"] == "NetworkPolicy")
    assert inside["podSelector"]["matchLabels"] == pods
    assert [rule["from"] for rule in inside["ingress"]] == [[{"podSelector": {"matchLabels": pods}}]]
    assert [rule["ports"] for rule in operator["ingress"]] == [[{"port": 8081, "protocol": "TCP"}]]
    assert all(policy["policyTypes"] == ["Ingress"] for policy in (inside, operator))


def test_every_port_of_the_policy_is_fixed_in_flinks_configuration() -> None:
    inside = next(m for m in parsed("small") if m["kind"] == "NetworkPolicy")
    allowed = {str(port["port"]) for port in inside["spec"]["ingress"][0]["ports"]}
    assert allowed == set(PORT_CONFIGURATION.values())


# The FlinkDeployment.

# The fields of operator 1.13.0's CRD that a manifest here may use, with their types there.
CRD_FIELDS: dict[str, type | tuple[type, ...]] = {
    "image": str,
    "imagePullPolicy": str,
    "mode": str,
    "flinkVersion": str,
    "flinkConfiguration": dict,
    "serviceAccount": str,
    "jobManager.replicas": int,
    "jobManager.resource.cpu": (int, float),
    "jobManager.resource.memory": str,
    "jobManager.resource.ephemeralStorage": str,
    "jobManager.podTemplate": dict,
    "taskManager.resource.cpu": (int, float),
    "taskManager.resource.memory": str,
    "taskManager.resource.ephemeralStorage": str,
    "taskManager.podTemplate": dict,
    "job.jarURI": str,
    "job.entryClass": str,
    "job.args": list,
    "job.parallelism": int,
    "job.state": str,
    "job.upgradeMode": str,
    "job.allowNonRestoredState": bool,
    "job.initialSavepointPath": str,
    "job.savepointRedeployNonce": int,
}
WHOLE = {"flinkConfiguration", "jobManager.podTemplate", "taskManager.podTemplate"}


def leaves(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items():
        path = f"{prefix}{key}"
        found.update(leaves(value, f"{path}.") if isinstance(value, dict) and path not in WHOLE else {path: value})
    return found


@both
def test_fields_are_those_of_the_custom_resource(case: str) -> None:
    deployment = one(case, "FlinkDeployment")
    assert (deployment["apiVersion"], deployment["kind"]) == ("flink.apache.org/v1beta1", "FlinkDeployment")
    for path, value in leaves(deployment["spec"]).items():
        assert path in CRD_FIELDS
        assert isinstance(value, CRD_FIELDS[path]), path


@both
def test_options_are_flat_text(case: str) -> None:
    options = one(case, "FlinkDeployment")["spec"]["flinkConfiguration"]
    assert all(isinstance(value, str) for value in options.values())
    # The operator sets these itself and refuses a deployment that does.
    assert not {"kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id"} & set(options)


@both
def test_job_is_upgraded_by_savepoint_and_highly_available(case: str) -> None:
    spec = one(case, "FlinkDeployment")["spec"]
    options = spec["flinkConfiguration"]
    assert spec["flinkVersion"] == "v2_1"
    assert spec["job"]["upgradeMode"] == "savepoint"
    assert options["high-availability.type"] == "kubernetes"
    assert options["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert options["pipeline.max-parallelism"] == "128"
    for key in ("execution.checkpointing.dir", "execution.checkpointing.savepoint-dir", "high-availability.storageDir"):
        assert options[key].startswith("s3://lake/flink/")


def test_options_of_the_place_win_and_those_of_the_session_cluster_stay_behind() -> None:
    options = one("full", "FlinkDeployment")["spec"]["flinkConfiguration"]
    assert options["execution.checkpointing.interval"] == "10 s"
    assert options["table.exec.mini-batch.enabled"] == "true"
    assert not {"execution.target", "rest.address"} & set(options)
    assert "/home/me" not in render(SPEC, FULL)


def test_a_jobs_own_maximum_parallelism_is_kept_because_its_state_is_cut_by_it() -> None:
    spec = replace(SMALL_SPEC, configuration={"pipeline.max-parallelism": "360"})
    (deployment,) = (m for m in yaml.safe_load_all(render(spec, SMALL)) if m["kind"] == "FlinkDeployment")
    assert deployment["spec"]["flinkConfiguration"]["pipeline.max-parallelism"] == "360"


@both
def test_the_pod_reads_the_job_that_was_given(case: str) -> None:
    spec, _ = CASES[case]
    read = JobSpec.from_json(one(case, "ConfigMap")["data"]["job.json"])
    assert read == replace(spec, configuration={})
    args = one(case, "FlinkDeployment")["spec"]["job"]["args"]
    mount = next(m for m in templates(case)[0]["containers"][0]["volumeMounts"] if m["name"] == "job")
    assert args[args.index("--spec") + 1] == f"{mount['mountPath']}/job.json"


def test_another_plan_is_seen_by_the_operator() -> None:
    changed = replace(SMALL_SPEC, plan='{"nodes": []}')
    before, after = (
        next(m for m in yaml.safe_load_all(render(spec, SMALL)) if m["kind"] == "FlinkDeployment")
        for spec in (SMALL_SPEC, changed)
    )
    assert before["metadata"] == after["metadata"]
    assert before["spec"] != after["spec"]
    assert one("small", "ConfigMap")["immutable"] is True


def test_image_has_what_the_manifests_say() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8")
    assert f"USER {image_facts.FLINK_USER_ID}:{image_facts.FLINK_USER_ID}" in text
    venv = image_facts.PYTHON.removesuffix("/bin/python")
    assert f"COPY --from=python {venv} {venv}" in text
    assert f"{image_facts.FLINK_HOME}/lib/" in text
    flink_version = re.search(r"^ARG FLINK_VERSION=(\S+)$", text, re.MULTILINE)
    assert flink_version is not None
    assert flink_version[1] == image_facts.installed_flink_version()


# Names.


@given(st.text(max_size=80))
def test_any_jobs_name_becomes_one_that_the_operator_takes(job: str) -> None:
    # The pattern of the operator's own validator.
    assert re.fullmatch(r"[a-z]([-a-z\d]{0,43}[a-z\d])?", deployment_name(job))


@given(st.from_regex(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name))
def test_a_valid_name_is_kept(job: str) -> None:
    assert deployment_name(job) == job


def test_names_that_differ_only_in_what_is_not_allowed_stay_apart() -> None:
    jobs = ["flights_1", "flights-1", "Flights-1", "flights.1", "f" * 46, "f" * 47, "1", "", "ü", "ö"]
    assert len({deployment_name(job) for job in jobs}) == len(jobs)


# What is refused.


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"image": "headrace"}, "image: expected a reference with a digest or a tag"),
        ({"image": "headrace:latest"}, "image: "),
        ({"image": "headrace:0.1.0 --privileged"}, "image: "),
        ({"storage": "file:///data"}, "storage: expected a URI of storage that all pods reach"),
        ({"storage": "s3://user:pw@bucket/x"}, "storage: expected a reference to a secret"),
        ({"savepoint": "savepoint-1"}, "savepoint: "),
        ({"redeploy": 1}, "redeploy: "),
        ({"namespace": "Risk"}, "namespace: expected an RFC 1123 name"),
        ({"namespace": "a" * 64}, "namespace: "),
        ({"service_account": "a b"}, "service_account: "),
        ({"service_account": "a" * 60}, "service_account: "),
        ({"operator_namespace": "x/y"}, "operator_namespace: "),
        ({"secrets": ("../etc",)}, "secret: "),
        ({"identity": (("token", SENTINEL),)}, "token: "),
        ({"slots": 0}, "slots: expected more than 0, found 0"),
        ({"flink_version": "2.1"}, "flink_version: expected major.minor.patch"),
    ],
)
def test_a_deployment_that_cannot_run_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(named)}") as refused:
        replace(SMALL, **change)
    assert SENTINEL not in str(refused.value)


@pytest.mark.parametrize("size", ["cpu", "memory_mib", "scratch_gib"])
def test_resources_are_more_than_nothing(size: str) -> None:
    values = {"cpu": 1.0, "memory_mib": 1, "scratch_gib": 1, size: -1}
    with pytest.raises(SettingsError, match=size):
        Resources(**values)  # type: ignore[arg-type]


def sized(data_bytes: int) -> JobSpec:
    """A job whose ConfigMap holds exactly so many bytes."""
    empty = replace(SMALL_SPEC, plan='""')
    return replace(empty, plan='"' + "x" * (data_bytes - len("job.json") - len(job_text(empty))) + '"')


def test_the_largest_config_map_is_taken() -> None:
    assert render(sized(MAX_CONFIG_MAP_BYTES), SMALL)


def test_a_larger_one_is_refused_with_its_size() -> None:
    with pytest.raises(JobError, match=r"'flights-1': its plan makes a ConfigMap of 1,048,577 bytes.*1,048,576; split"):
        render(sized(MAX_CONFIG_MAP_BYTES + 1), SMALL)


def with_option(key: str, value: str) -> JobSpec:
    return replace(SMALL_SPEC, plan=json.dumps({"nodes": [{"table": {"options": {key: value}}}]}))


@pytest.mark.parametrize(
    "spec",
    [
        with_option("password", SENTINEL),
        with_option("properties.sasl.jaas.config", f'ScramLoginModule required password="{SENTINEL}";'),
        with_option("s3.secret-access-key", SENTINEL),
        with_option("catalog.Token", SENTINEL),
        with_option("uri", f"postgresql://headrace:{SENTINEL}@db/catalog"),
        replace(SMALL_SPEC, plan=json.dumps({"tokens": [SENTINEL]})),
        replace(SMALL_SPEC, configuration={"s3.secret-key": SENTINEL}),
        replace(SMALL_SPEC, declarations=(f"CREATE TABLE t (a INT) WITH ('password' = '{SENTINEL}''s')",)),
    ],
)
def test_a_secret_in_a_job_is_refused_and_not_repeated(spec: JobSpec) -> None:
    with pytest.raises(SettingsError, match=r"holds a secret .not shown.*refer to file:/etc/headrace/") as refused:
        render(spec, SMALL)
    assert SENTINEL not in str(refused.value)


def test_the_place_of_a_secret_is_named() -> None:
    with pytest.raises(SettingsError, match="job 'flights-1', plan at /nodes/0/table/options/password: 'password'"):
        refuse_secrets(with_option("password", SENTINEL), SMALL)


@pytest.mark.parametrize(
    "reference",
    [
        "env:CASSANDRA_PASSWORD",
        "env:CASSANDRA_USERS",
        "file:/home/me/password",
        "file:/etc/headrace/secrets/cassandra-2/password",
    ],
)
def test_a_reference_that_no_pod_can_follow_is_refused(reference: str) -> None:
    with pytest.raises(SettingsError, match=f"'username' refers to {reference}, which its pods cannot read"):
        refuse_secrets(with_option("username", reference), WITH_SECRETS)
    with pytest.raises(SettingsError, match=f"refers to {reference}, which its pods cannot read; .*--secret-env NAME="):
        refuse_secrets(with_option("password", reference), WITH_SECRETS)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        with_option("password", "env:CASSANDRA_USER"),
        with_option("security.delegation.tokens.enabled", "false"),
        with_option("password", ""),
        replace(SMALL_SPEC, plan=json.dumps({"columns": [{"name": "password_hash", "dataType": "BIGINT"}]})),
        replace(SMALL_SPEC, plan=json.dumps({"tokens": 3, "path": "file:///etc/x", "uri": "s3://bucket/x"})),
    ],
)
def test_what_is_no_secret_passes(spec: JobSpec) -> None:
    refuse_secrets(spec, WITH_SECRETS)


def test_pods_get_variables_by_the_name_of_a_secret_never_by_value() -> None:
    expected = {"name": "CASSANDRA_USER", "valueFrom": {"secretKeyRef": {"name": "cassandra", "key": "username"}}}
    assert [pod["containers"][0]["env"] for pod in templates("full")] == [[expected], [expected]]
    assert not [pod for pod in templates("small") if "env" in pod["containers"][0]]


@pytest.mark.parametrize("text", ["A", "A=b", "A=b/", "=b/c", "1A=b/c", "A-B=b/c", "A=B/c", "A=b/c d", "A=../b/c"])
def test_a_variable_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^secret( variable)?: expected "):
        SecretVariable.parse(text)
