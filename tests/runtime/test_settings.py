"""Precedence, origins, unknown keys and secrets of the settings."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.secret import value_of
from headrace.errors import SettingsError
from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack.process import ProcessIdentity
from headrace.runtime.stack.record import RUNNING, ProcessRecord, ServiceRecord, StackRecord, write_record

LITERAL = "hunter2"


def load(folder: Path, environment: dict[str, str] | None = None, **flags: Any) -> Settings:
    return load_settings(flags=flags, environment=environment or {}, folder=folder)


def refusal(folder: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as found:
        load(folder, environment)
    assert LITERAL not in "".join(traceback.format_exception(found.value))
    return str(found.value)


def write_yaml(folder: Path, text: str) -> None:
    (folder / "headrace.yaml").write_text(text, encoding="utf-8")


def record_kafka(home: Path, address: str) -> None:
    process = ProcessRecord(ProcessIdentity(1, 0.0), "log")
    service = ServiceRecord(RUNNING, {"kafka": {"bootstrap_servers": address}}, {"kafka": process})
    write_record(home / "stack" / "stack.json", StackRecord(services={"kafka": service}))


def test_every_place_wins_over_those_behind_it(tmp_path: Path) -> None:
    variable, name = "HEADRACE__KAFKA__BOOTSTRAP_SERVERS", "kafka.bootstrap_servers"
    seen = [load(tmp_path).origins()[name]]
    record_kafka(tmp_path / ".headrace", "recorded:1")
    seen.append(load(tmp_path).origins()[name])
    write_yaml(tmp_path, "project: fraud\nkafka:\n  bootstrap_servers: file:1\n")
    seen.append(load(tmp_path).origins()[name])
    (tmp_path / ".env").write_text(f"{variable}=dotenv:1\n", encoding="utf-8")
    seen.append(load(tmp_path).origins()[name])
    seen.append(load(tmp_path, {variable: "variable:1"}).origins()[name])
    seen.append(load(tmp_path, {variable: "variable:1"}, kafka={"bootstrap_servers": "flag:1"}).origins()[name])
    assert seen == [
        ("", "default"),
        ("recorded:1", "local stack (kafka)"),
        ("file:1", "headrace.yaml:3"),
        ("dotenv:1", f".env {variable}"),
        ("variable:1", f"environment {variable}"),
        ("flag:1", "flag"),
    ]


def test_connected_reads_the_record_again(tmp_path: Path) -> None:
    settings = load(tmp_path, {"HEADRACE__PROJECT": "fraud"})
    record_kafka(settings.home, "recorded:1")
    connected = settings.connected()
    assert (connected.kafka.bootstrap_servers, connected.project) == ("recorded:1", "fraud")


def test_a_file_says_paths_from_where_it_is(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write_yaml(inner, "home: data\nonline:\n  store: sqlite\n  file: tiles.db\n")
    settings = load_settings(config=inner / "headrace.yaml", environment={}, folder=tmp_path)
    assert (settings.home, settings.online.file) == (inner / "data", inner / "tiles.db")
    assert load(tmp_path, home="elsewhere").online.file == tmp_path / "elsewhere" / "online.db"


def test_a_map_may_be_json_and_is_merged_leaf_by_leaf(tmp_path: Path) -> None:
    write_yaml(tmp_path, "kafka:\n  properties:\n    client.id: a\n    linger.ms: 5\n")
    settings = load(tmp_path, {"HEADRACE__KAFKA__PROPERTIES": '{"client.id": "b"}'})
    assert settings.kafka.properties == {"client.id": "b", "linger.ms": "5"}


def test_a_map_knows_the_place_of_each_of_its_values(tmp_path: Path) -> None:
    write_yaml(tmp_path, "kafka:\n  properties:\n    client.id: a\n    linger.ms: 5\n")
    (tmp_path / ".env").write_text('HEADRACE__KAFKA={"properties": {"acks": "all"}}\n', encoding="utf-8")
    origins = load(tmp_path, {"HEADRACE__KAFKA__PROPERTIES": '{"client.id": "b"}'}).origins()
    assert {name: value for name, value in origins.items() if name.startswith("kafka.properties")} == {
        "kafka.properties.client.id": ("b", "environment HEADRACE__KAFKA__PROPERTIES"),
        "kafka.properties.linger.ms": ("5", "headrace.yaml:4"),
        "kafka.properties.acks": ("all", ".env HEADRACE__KAFKA"),
    }


def test_an_empty_map_gives_no_origin_to_the_values_of_another(tmp_path: Path) -> None:
    write_yaml(tmp_path, "kafka:\n  properties:\n    client.id: a\n")
    origins = load(tmp_path, {"HEADRACE__KAFKA__PROPERTIES": "{}"}).origins()
    assert origins["kafka.properties.client.id"] == ("a", "headrace.yaml:3")


@pytest.mark.parametrize("text", ["a:1, b:2", '["a:1", "b:2"]'])
def test_addresses_are_separated_by_commas_or_json(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, {"HEADRACE__CASSANDRA__CONTACT_POINTS": text}).cassandra.contact_points == ("a:1", "b:2")


def test_a_dotenv_value_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HEADRACE__KAFKA__BOOTSTRAP_SERVERS='${HOME}:1'\nOTHER=1\n", encoding="utf-8")
    assert load(tmp_path).kafka.bootstrap_servers == "${HOME}:1"


def test_flinks_options_are_text(tmp_path: Path) -> None:
    write_yaml(tmp_path, "flink: {configuration: {a: true, b: 3, security.delegation.tokens.enabled: false}}\n")
    found = load(tmp_path).flink.configuration
    assert found == {"a": "true", "b": "3", "security.delegation.tokens.enabled": "false"}


def test_a_configured_catalog_is_taken_whole(tmp_path: Path) -> None:
    write_yaml(tmp_path, "iceberg:\n  properties: {type: rest, uri: 'http://catalog'}\n")
    assert load(tmp_path).iceberg.properties == {"type": "rest", "uri": "http://catalog"}


def test_the_default_catalog_is_under_the_home(tmp_path: Path) -> None:
    uri = load(tmp_path).iceberg.properties["uri"]
    assert uri == f"sqlite:///{tmp_path / '.headrace/stack/iceberg/catalog.db'}"


def test_the_registry_is_a_file_in_the_home_or_where_a_url_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path).registry_url == f"sqlite:///{tmp_path / '.headrace/registry.db'}"
    write_yaml(tmp_path, "registry: {url: env:REGISTRY_URL}\n")
    url = f"postgresql+psycopg://me:{LITERAL}@db/headrace"
    monkeypatch.setenv("REGISTRY_URL", url)
    settings = load(tmp_path)
    assert settings.registry_url == url
    assert LITERAL not in str(settings.origins())


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("HEADRACE__KAFKA__BOOTSTRAP_SERVER", "did you mean 'bootstrap_servers'?"),
        ("HEADRACE__STAK__SLOTS", "did you mean 'stack'?"),
        ("HEADRACE__STACK__PORTS__KAFFKA", "did you mean 'kafka'?"),
    ],
)
def test_an_unknown_variable_is_named_with_a_suggestion(tmp_path: Path, variable: str, sentence: str) -> None:
    text = refusal(tmp_path, {variable: "1"})
    assert text.startswith(f"environment {variable}: unknown setting")
    assert text.endswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kafka:\n  bootstrp_servers: x\n", "headrace.yaml:2: unknown setting 'kafka.bootstrp_servers'"),
        ("project: a\nproject: b\n", "headrace.yaml:2: 'project' is given twice, first on line 1"),
        ("kafka:\n  properties: {a: 1, a: 2}\n", "'kafka.properties.a' is given twice"),
        ("stack: {slots: none}\n", "headrace.yaml:1: stack.slots"),
        ("stack: 3\n", "headrace.yaml:1: stack"),
        ("- a\n", "expected a map of settings"),
        ("a: [\n", "not readable as YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "not readable as YAML"),
        ("project: Fraud!\n", "project"),
        ("Project: fraud\n", "headrace.yaml:1: unknown setting 'Project'; did you mean 'project'?"),
        ("1: a\n", "headrace.yaml:1: unknown setting '1'"),
        ("home:\n", "headrace.yaml:1: home"),
        ("\niceberg:\n", "headrace.yaml:2: iceberg"),
        ("cassandra: {contact_points: [1]}\n", "headrace.yaml:1: cassandra.contact_points.0"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    write_yaml(tmp_path, text)
    assert sentence in refusal(tmp_path)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(config=Path("none.yaml"), environment={}, folder=tmp_path)


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    write_yaml(tmp_path, "# nothing yet\n")
    assert load(tmp_path).project == "headrace"


@pytest.mark.parametrize(
    "environment",
    [
        {"HEADRACE__CASSANDRA__PASSWORD": LITERAL},
        {"HEADRACE__KAFKA__PROPERTIES": f'{{"sasl.password": "{LITERAL}"}}'},
        {"HEADRACE__ICEBERG__PROPERTIES": f'{{"uri": "postgresql://me:{LITERAL}@db/lake"}}'},
        {"HEADRACE__REGISTRY__URL": f"postgresql+psycopg://me:{LITERAL}@db/headrace"},
        {"HEADRACE__ICEBERG__PROPERTIES": f'{{"s3.secret-access-key": "{LITERAL}"}}'},
        {"HEADRACE__CASSANDRA__PASSWORD": f"file:{LITERAL}"},
        {"HEADRACE__CASSANDRA__PASSWORD": f'{{"{LITERAL}": 1}}'},
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, environment: dict[str, str]) -> None:
    assert "write `env:NAME`" in refusal(tmp_path, environment)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HEADRACE__KAFKA__PROPERTIES", f"sasl.password={LITERAL}"),
        ("HEADRACE__KAFKA__PROPERTIES", f'{{"sasl.password": "{LITERAL}"'),
        ("HEADRACE__KAFKA", LITERAL),
        ("HEADRACE__FLINK__CONFIGURATION", f'{{"s3.secret-key": "{LITERAL}"}}'),
        ("HEADRACE__CASSANDRA", f'{{"pasword": "{LITERAL}"}}'),
    ],
)
def test_what_may_hold_a_secret_is_not_repeated(tmp_path: Path, variable: str, text: str) -> None:
    assert refusal(tmp_path, {variable: text}).startswith(f"environment {variable}: ")


def test_a_secret_has_its_own_origin(tmp_path: Path) -> None:
    write_yaml(tmp_path, "cassandra:\n  password: env:A\nkafka:\n  properties:\n    sasl.jaas.config: env:B\n")
    origins = load(tmp_path, {"HEADRACE__CASSANDRA__USERNAME": "file:/run/user"}).origins()
    assert origins["cassandra.password"] == ("env:A", "headrace.yaml:2")
    assert origins["cassandra.username"] == ("file:/run/user", "environment HEADRACE__CASSANDRA__USERNAME")
    assert origins["kafka.properties.sasl.jaas.config"] == ("env:B", "headrace.yaml:5")
    assert not [name for name in origins if name.endswith(".reference")]


def test_a_secret_is_read_late_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(tmp_path, {"HEADRACE__CASSANDRA__PASSWORD": "env:HEADRACE_TEST_SECRET"})
    monkeypatch.setenv("HEADRACE_TEST_SECRET", LITERAL)
    assert settings.cassandra.password is not None
    assert value_of(settings.cassandra.password) == LITERAL
    assert LITERAL not in repr(settings) + str(settings.origins())
    assert "env:HEADRACE_TEST_SECRET" in repr(settings)


def test_a_secret_in_a_file_has_no_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(LITERAL + "\n", encoding="utf-8")
    assert value_of(f"file:{tmp_path / 'secret'}") == LITERAL


@pytest.mark.parametrize("reference", ["env:HEADRACE_NOT_SET", "file:/no/such/secret"])
def test_a_secret_that_cannot_be_read_is_named(reference: str) -> None:
    with pytest.raises(SettingsError, match=reference):
        value_of(reference)


def test_a_broken_record_says_what_to_do(tmp_path: Path) -> None:
    record = tmp_path / ".headrace" / "stack" / "stack.json"
    record.parent.mkdir(parents=True)
    record.write_text("{", encoding="utf-8")
    assert "headrace stack up" in refusal(tmp_path)
