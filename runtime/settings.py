"""The settings of headrace: what there is, its defaults, and how one value is found among several places.

The strongest first: flag, environment variable ``HEADRACE__A__B``, ``.env``, ``headrace.yaml``, the addresses that the
running local stack recorded, default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from headrace.errors import SettingsError, did_you_mean
from headrace.runtime.layers import (
    Key,
    Layer,
    Value,
    dotenv_layer,
    environment_layer,
    flat,
    merged,
    nested,
    yaml_layer,
)
from headrace.runtime.secret import SecretReference, property_value, resolved, secret_reference

FILE_NAME = "headrace.yaml"
DEFAULT_ORIGIN = "default"
STACK_ORIGIN = "local stack"


def _properties(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {str(key): property_value(str(key), item) for key, item in value.items()}


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _flag_text(value: object) -> object:
    """Flink's options are text; YAML reads ``true`` and ``3`` as what they look like."""
    if not isinstance(value, Mapping):
        return value
    return {str(key): str(item).lower() if isinstance(item, bool) else str(item) for key, item in value.items()}


Properties = Annotated[dict[str, str | SecretReference], BeforeValidator(_properties)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
FlinkOptions = Annotated[dict[str, str], BeforeValidator(_flag_text)]
Secret = Annotated[SecretReference, BeforeValidator(lambda value: secret_reference("password", value))]
Port = Annotated[int, Field(ge=0, le=65535)]
MiB = Annotated[int, Field(ge=32)]


class _Section(BaseModel):
    """What all sections share: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)


class KafkaSettings(_Section):
    """The log. `properties` go to every client untouched, in Java's names (TLS, SASL)."""

    bootstrap_servers: str = ""
    properties: Properties = {}

    def client_properties(self) -> dict[str, str]:
        """`properties` with every secret read now.

        Raises:
            SettingsError: a secret cannot be read.
        """
        return resolved(self.properties)


class CassandraSettings(_Section):
    """The online store. Contact points are ``host:port``; `properties` are the Java driver's own options."""

    contact_points: Addresses = ()
    local_datacenter: str = "datacenter1"
    keyspace: str = "headrace"
    username: str | None = None
    password: Secret | None = None
    properties: Properties = {}

    def client_properties(self) -> dict[str, str]:
        """`properties` with every secret read now.

        Raises:
            SettingsError: a secret cannot be read.
        """
        return resolved(self.properties)


class IcebergSettings(_Section):
    """The lake's catalog: its name and its properties, as pyiceberg names them (`type`, `uri`, `warehouse`, ...)."""

    catalog: str = "headrace"
    properties: Properties = {}

    def client_properties(self) -> dict[str, str]:
        """`properties` with every secret read now.

        Raises:
            SettingsError: a secret cannot be read.
        """
        return resolved(self.properties)


class FlinkSettings(_Section):
    """The session cluster (`rest_address` is ``host:port``) and what every job on it starts from."""

    rest_address: str = ""
    checkpoint_dir: str = ""
    savepoint_dir: str = ""
    parallelism: Annotated[int, Field(ge=1)] = 2
    configuration: FlinkOptions = {}


class StackPorts(_Section):
    """Ports of the local stack on 127.0.0.1; 0 chooses a free one and keeps it from start to start."""

    kafka: Port = 0
    kafka_controller: Port = 0
    cassandra: Port = 0
    cassandra_storage: Port = 0
    flink_rest: Port = 0
    flink_rpc: Port = 0


class StackMemory(_Section):
    """Memory of the local stack in MiB: heaps of the JVMs; of a task manager, the whole process and its managed part.

    Together with a client they stay within 8 GiB.
    """

    kafka_heap: MiB = 512
    cassandra_heap: MiB = 768
    job_manager_heap: MiB = 448
    task_manager_process: MiB = 2500
    task_manager_managed: MiB = 128


class StackSettings(_Section):
    """The local stack: Kafka, Cassandra and a Flink session cluster as plain processes of this machine."""

    ports: StackPorts = StackPorts()
    memory: StackMemory = StackMemory()
    task_managers: Annotated[int, Field(ge=1, le=16)] = 2
    slots: Annotated[int, Field(ge=1, le=64)] = 2


class Settings(_Section):
    """All settings. Made by `load_settings`, which knows where each value came from.

    Attributes:
        project: starts every physical name (tables, consumer groups, job names).
        home: folder of everything that headrace keeps on this machine.
        jars: folder that holds the JARs of `flink`, `kafka` and `cassandra`.
    """

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "headrace"
    home: Path = Path(".headrace")
    jars: Path = Path(".build/jars")
    kafka: KafkaSettings = KafkaSettings()
    cassandra: CassandraSettings = CassandraSettings()
    iceberg: IcebergSettings = IcebergSettings()
    flink: FlinkSettings = FlinkSettings()
    stack: StackSettings = StackSettings()

    _configured: Layer = PrivateAttr(default_factory=dict)
    _origins: dict[Key, str] = PrivateAttr(default_factory=dict)

    @property
    def stack_record(self) -> Path:
        """The file in which the local stack records its processes, ports and addresses."""
        return self.home / "stack" / "stack.json"

    def origins(self) -> dict[str, tuple[Any, str]]:
        """Every leaf setting with its value and the place it came from; secrets stay references."""
        leaves = flat(self.model_dump(), DEFAULT_ORIGIN)
        return {".".join(key): (leaf.value, self._origins.get(key, leaf.origin)) for key, leaf in leaves.items()}

    def connected(self) -> Settings:
        """The same settings with the addresses that the local stack has recorded by now.

        Raises:
            SettingsError: the record cannot be read.
        """
        return _built(self._configured)


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """The settings as they hold here and now.

    Args:
        config: a settings file; None looks for ``headrace.yaml`` in the folder.
        flags: nested values that win over everything, such as ``{"stack": {"slots": 2}}``.
        environment: environment variables; None takes those of this process.
        folder: where relative paths, ``headrace.yaml`` and ``.env`` are looked up; None is the current folder.

    Raises:
        SettingsError: a setting is unknown (with a suggestion), has a wrong value, or is a literal secret.
    """
    here = (folder or Path.cwd()).resolve()
    variables = os.environ if environment is None else environment
    configured = merged(
        [
            _defaults(here),
            _file_layer(config, here),
            dotenv_layer(here / ".env"),
            environment_layer(variables),
            flat(flags or {}, "flag"),
        ]
    )
    return _built(_with_absolute_paths(configured, here))


def _built(configured: Layer) -> Settings:
    home = Path(str(configured["home",].value))
    # The catalog is one opaque map: a configured one is taken whole, never mixed with the local one.
    local = _local_defaults(home, with_catalog=not any(key[:2] == ("iceberg", "properties") for key in configured))
    layer = merged([local, _recorded_layer(home / "stack" / "stack.json"), configured])
    settings = _validated(layer)
    settings._configured = configured
    settings._origins = {key: found.origin for key, found in layer.items()}
    return settings


def _validated(layer: Layer) -> Settings:
    try:
        return Settings.model_validate(nested(layer))
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(item, layer) for item in error.errors())) from error


def _sentence(error: Any, layer: Layer) -> str:
    key: Key = tuple(str(part) for part in error["loc"])
    path, origin = ".".join(key), _origin_of(key, layer)
    if error["type"] == "extra_forbidden":
        return f"{origin}: unknown setting {path!r}; {did_you_mean(key[-1], _fields_at(key[:-1]))}"
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        return f"{origin}: {path}: {cause}"
    return f"{origin}: {path}: {error['msg']}; found {error['input']!r}"


def _origin_of(key: Key, layer: Layer) -> str:
    """The place of the value, or of the first value inside it when a whole map is wrong."""
    inside = (found.origin for at, found in layer.items() if at[: len(key)] == key or key[: len(at)] == at)
    return next(inside, DEFAULT_ORIGIN)


def _fields_at(key: Key) -> list[str]:
    model: Any = Settings
    for part in key:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def _file_layer(config: Path | None, here: Path) -> dict[Key, Value]:
    path = here / (config or FILE_NAME)
    if config is None and not path.is_file():
        return {}
    # What a file says about paths is meant from where the file is, whoever reads it from wherever.
    return _with_absolute_paths(yaml_layer(path), path.resolve().parent)


def _with_absolute_paths(layer: Layer, base: Path) -> dict[Key, Value]:
    found = dict(layer)
    for key in (("home",), ("jars",)):
        if key in found:
            found[key] = Value(str(base / Path(str(found[key].value)).expanduser()), found[key].origin)
    return found


def _defaults(here: Path) -> dict[Key, Value]:
    return {("home",): Value(".headrace", DEFAULT_ORIGIN), ("jars",): Value(str(_jars_near(here)), DEFAULT_ORIGIN)}


def _jars_near(here: Path) -> Path:
    """The nearest folder of JARs: upwards from here, else that of the checkout this code is in."""
    checkout = Path(__file__).resolve().parent.parent
    candidates = [parent / ".build" / "jars" for parent in (here, *here.parents, checkout)]
    return next((folder for folder in candidates if folder.is_dir()), candidates[-1])


def _local_defaults(home: Path, *, with_catalog: bool) -> dict[Key, Value]:
    """What is kept on this machine when nothing else is configured; all under the home, so erasing it erases all."""
    data = home / "stack"
    catalog = {
        "type": "sql",
        "uri": f"sqlite:///{data}/iceberg/catalog.db",
        "warehouse": f"file://{data}/iceberg/warehouse",
    }
    values = {
        "flink": {
            "checkpoint_dir": f"file://{data}/flink/checkpoints",
            "savepoint_dir": f"file://{data}/flink/savepoints",
        },
        "iceberg": {"properties": catalog} if with_catalog else {},
    }
    return flat(values, DEFAULT_ORIGIN)


def _recorded_layer(record: Path) -> dict[Key, Value]:
    if not record.is_file():
        return {}
    try:
        services = json.loads(record.read_text(encoding="utf-8"))["services"]
        found = [flat(service["settings"], f"{STACK_ORIGIN} ({name})") for name, service in services.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{record}: not a record of the local stack ({error!r}); run `headrace stack up` to write it anew"
        raise SettingsError(msg) from error
    return merged(found)
