"""The main job on a Kafka and a Cassandra that ask for a login: the secrets are files, and nowhere else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headrace.connectors.cassandra import CassandraConnection
from headrace.connectors.cql import literal
from headrace.errors import ConnectorError, SettingsError
from headrace.registry.store import Run
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes import Deployment, render
from headrace.runtime.settings import CassandraSettings, KafkaSettings, Settings, load_settings
from headrace.runtime.stack.cassandra import cassandra_service
from headrace.runtime.stack.health import rest_answer
from headrace.runtime.stack.kafka import kafka_service
from headrace.runtime.stack.plan import StackPlan
from headrace.runtime.stack.ports import PortChooser, is_open
from headrace.runtime.stack.preflight import plan_of
from headrace.runtime.stack.process import ProcessIdentity, ProcessSpec, spawn, stop
from headrace.runtime.stack.service import Service

from .case import Case, archived_case, wait_until
from .orders import BROKEN, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

#: Nothing else contains these words, so wherever they are found, a secret got there.
# Made here, because copies of this file lie where the tests of planted faults run, and are searched too.
KAFKA_PLANTED, CASSANDRA_PLANTED = f"planted-{uuid4().hex}-kafka", f"planted-{uuid4().hex}-cassandra"
USER = "headrace"
JAAS = "org.apache.kafka.common.security.plain.PlainLoginModule required"
#: One node for a few thousand rows.
SMALL = {"stack": {"memory": {"kafka_heap": 256, "cassandra_heap": 512}}}
HISTORY, LIVE = orders(600, seed=11), orders(300, seed=12, first=600)


@dataclass(frozen=True)
class Guarded:
    """Servers that ask for a login, and the settings by which the session's Flink reaches them."""

    settings: Settings
    secrets: Path
    servers: Path


def started(service: Service, stop_later: ExitStack) -> ProcessSpec:
    """Start the one process of a service."""
    (spec,) = service.processes
    identity = ProcessIdentity.of(spawn(spec, str(spec.log.parent)).pid)
    assert identity is not None
    stop_later.callback(stop, [identity])
    return spec


def address_of(spec: ProcessSpec) -> str:
    """Where a process listens, from now on at the latest."""
    port = spec.port or 0
    wait_until(lambda: is_open(port), lambda: spec.log.read_text(encoding="utf-8"))
    return f"127.0.0.1:{port}"


def start_kafka(plan: StackPlan, ports: PortChooser, stop_later: ExitStack) -> ProcessSpec:
    """A broker whose listener takes SASL/PLAIN only."""
    service = kafka_service(plan, ports)
    users = f'username="broker" password="{KAFKA_PLANTED}" user_broker="{KAFKA_PLANTED}" user_{USER}="{KAFKA_PLANTED}"'
    options = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": f"{JAAS} {users};",
    }
    with (plan.folder / "kafka" / "conf" / "server.properties").open("a", encoding="utf-8") as file:
        # The last of two equal keys counts.
        file.writelines(f"{key}={value}\n" for key, value in options.items())
    return started(service, stop_later)


def start_cassandra(plan: StackPlan, ports: PortChooser, stop_later: ExitStack) -> ProcessSpec:
    """A node that asks for a password."""
    service = cassandra_service(plan, ports)
    file = plan.folder / "cassandra" / "conf" / "cassandra.yaml"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**values, "authenticator": "PasswordAuthenticator"}), encoding="utf-8")
    return started(service, stop_later)


def create_role(address: str) -> None:
    """Our role on a new node."""
    admin = CassandraConnection(address, "datacenter1", "system", "cassandra", "cassandra")
    text = f"CREATE ROLE {USER} WITH LOGIN = true AND PASSWORD = {literal(CASSANDRA_PLANTED)}"
    # The first role is made a moment after the port is open.
    wait_until(lambda: succeeds(lambda: admin.session().close()))
    with admin.session() as session:
        session.execute(text)


def succeeds(action: Callable[[], None]) -> bool:
    try:
        action()
    except ConnectorError:
        return False
    return True


@pytest.fixture(scope="module")
def guarded(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    servers, secrets = tmp_path_factory.mktemp("guarded"), tmp_path_factory.mktemp("secrets")
    (secrets / "user").write_text(USER + "\n", encoding="utf-8")
    (secrets / "password").write_text(CASSANDRA_PLANTED + "\n", encoding="utf-8")
    (secrets / "jaas").write_text(f'{JAAS} username="{USER}" password="{KAFKA_PLANTED}";\n', encoding="utf-8")
    plan = plan_of(load_settings(flags={"home": str(servers), **SMALL}, environment={}, folder=servers))
    with ExitStack() as stop_later:
        ports = PortChooser({})
        broker, node = start_kafka(plan, ports, stop_later), start_cassandra(plan, ports, stop_later)
        create_role(address_of(node))
        cassandra = CassandraSettings(
            contact_points=(address_of(node),),
            username=f"file:{secrets / 'user'}",
            password=f"file:{secrets / 'password'}",
        )
        kafka = KafkaSettings(
            bootstrap_servers=address_of(broker),
            properties={
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": f"file:{secrets / 'jaas'}",
            },
        )
        yield Guarded(stack_settings.model_copy(update={"kafka": kafka, "cassandra": cassandra}), secrets, servers)


@pytest.fixture(scope="module")
def case(guarded: Guarded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A view whose history is archived, through the login."""
    with archived_case(guarded.settings, tmp_path_factory.mktemp("orders"), HISTORY, BROKEN) as found:
        yield found


@pytest.fixture(scope="module")
def run(case: Case) -> Run:
    """The view's run, caught up with the topic."""
    run = case.backfill(case.plan())
    case.send(LIVE, [])
    case.ledger(run, len(HISTORY) + len(LIVE) + len(BROKEN))
    return run


def files_with(text: str, folder: Path) -> set[Path]:
    """The files below a folder, binary ones too, in which a text stands."""
    found = subprocess.run(["grep", "-rlF", text, str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode in {0, 1}, found.stderr
    return {Path(line) for line in found.stdout.splitlines()}


def job_spec(case: Case, run: Run) -> JobSpec:
    return JobSpec.load(case.platform.run_folder(run.run) / "job.json")


def test_the_job_logs_in_with_what_the_files_hold(case: Case, run: Run) -> None:
    case.assert_online([*HISTORY, *LIVE])


def test_no_secret_is_written_anywhere(
    case: Case, run: Run, guarded: Guarded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    everything = tmp_path_factory.getbasetemp()
    folder = case.platform.run_folder(run.run)
    assert {folder / "job.json", folder / "job.sql"} <= files_with(f"file:{guarded.secrets / 'password'}", everything)
    at_the_servers = {path for path in files_with(KAFKA_PLANTED, everything) if guarded.servers in path.parents}
    assert files_with(KAFKA_PLANTED, everything) - at_the_servers == {guarded.secrets / "jaas"}
    assert files_with(CASSANDRA_PLANTED, everything) - at_the_servers == {guarded.secrets / "password"}


def test_flink_shows_no_secret(case: Case, run: Run) -> None:
    address = case.platform.settings.flink.rest_address
    for page in ("", "/config", "/plan", "/exceptions"):
        text = json.dumps(rest_answer(address, f"/jobs/{run.job_id}{page}"))
        assert KAFKA_PLANTED not in text
        assert CASSANDRA_PLANTED not in text


def test_the_job_can_be_rendered_where_its_secrets_are_mounted(case: Case, run: Run, guarded: Guarded) -> None:
    place = Deployment(image="headrace:0.1.0", storage="s3://lake/flink", secrets=("login",))
    spec = job_spec(case, run)
    with pytest.raises(SettingsError, match="which its pods cannot read"):
        render(spec, place)
    moved = spec.to_json().replace(str(guarded.secrets), "/etc/headrace/secrets/login")
    text = render(JobSpec.from_json(moved), place)
    assert "file:/etc/headrace/secrets/login/password" in text
    assert CASSANDRA_PLANTED not in text


def test_a_wrong_password_is_refused_and_not_shown(case: Case, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("planted-wrong", encoding="utf-8")
    settings = case.platform.settings.cassandra
    contact, user = settings.contact_points[0], settings.username
    with pytest.raises(ConnectorError, match="are address, datacenter and login right") as refused:
        CassandraConnection(contact, "datacenter1", "k", user, f"file:{tmp_path / 'wrong'}").session()
    assert "planted-wrong" not in str(refused.value)
