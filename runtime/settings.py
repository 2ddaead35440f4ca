"""The settings of headrace: what there is, its defaults, and how one value is found among several places.

The strongest first: flag, environment variable ``HEADRACE__A__B``, ``.env``, ``headrace.yaml``, the addresses that the
running local stack recorded, default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.connectors.secret import holds_secret, property_value, require_reference, value_of
from headrace.errors import DefinitionError, SettingsError, did_you_mean
from headrace.features.knobs import knobs_of
from headrace.runtime.layers import DEFAULT_ORIGIN, FileSource, Key, Layer, Values, VariablesSource, leaves, origin_of

FILE_NAME = "headrace.yaml"
HOME = ".headrace"
STACK_ORIGIN = "local stack"
#: The default SQLite store, in the home.
ONLINE_FILE = "online.db"


def _properties(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {str(key): property_value(str(key), item) for key, item in value.items()}


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _flink_options(value: object) -> object:
    """Flink's options are text; YAML reads ``true`` and ``3`` as what they look like."""
    if not isinstance(value, Mapping):
        return value
    return {str(key): _flink_option(str(key), item) for key, item in value.items()}


def _flink_option(key: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if holds_secret(key, text):
        msg = (
            f"{key}: a secret (not shown) has no place among a job's options, which Flink reads as they stand and "
            "shows on its web page; set it in the cluster's own configuration"
        )
        raise SettingsError(msg)
    return text


def _knob(name: str, value: object) -> object:
    """A knob as it is; SettingsError for one that a view could not have either."""
    try:
        knobs_of(value if name == "optimize" else None, value if name == "freshness" else None, "a view's job")
    except DefinitionError as error:
        raise SettingsError(str(error)) from error
    return value


Properties = Annotated[dict[str, str], BeforeValidator(_properties)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
FlinkOptions = Annotated[dict[str, str], BeforeValidator(_flink_options)]
Secret = Annotated[str, BeforeValidator(lambda value: require_reference("password", value))]
Url = Annotated[str, BeforeValidator(lambda value: property_value("url", value))]
Optimize = Annotated[str, BeforeValidator(lambda value: _knob("optimize", value))]
Freshness = Annotated[str, BeforeValidator(lambda value: _knob("freshness", value))]
Port = Annotated[int, Field(ge=0, le=65535)]
MiB = Annotated[int, Field(ge=32)]


class _Section(BaseModel):
    """What all sections share: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KafkaSettings(_Section):
    """The log. `properties` go to every client untouched, in Java's names (TLS, SASL)."""

    bootstrap_servers: str = ""
    properties: Properties = {}


class CassandraSettings(_Section):
    """The online store. Contact points are ``host:port``; `properties` are the Java driver's own options.

    The password is a reference; the user name may be one.
    """

    contact_points: Addresses = ()
    local_datacenter: str = "datacenter1"
    keyspace: str = "headrace"
    username: str | None = None
    password: Secret | None = None
    properties: Properties = {}


class OnlineSettings(_Section):
    """Which online store is read: ``cassandra``, or ``sqlite`` in a file that `headrace run --to-store` fills.

    Closed tiles are kept for `cache_max_age_s` seconds, at most `cache_tiles` of them; 0 seconds: each read asks.
    """

    store: Literal["cassandra", "sqlite"] = "cassandra"
    file: Path = Path(HOME) / ONLINE_FILE
    cache_max_age_s: Annotated[float, Field(ge=0)] = 0
    cache_tiles: Annotated[int, Field(ge=1)] = 200_000


class IcebergSettings(_Section):
    """The lake's catalog: its name and its properties, as pyiceberg names them (`type`, `uri`, `warehouse`, ...)."""

    catalog: str = "headrace"
    properties: Properties = {}


class RegistrySettings(_Section):
    """The database of views, runs, models and schedules; without a `url`, an SQLite file in the home.

    The `url` is SQLAlchemy's, such as ``postgresql+psycopg://headrace@db/headrace``; one that holds a password is a
    reference. All who work on a project name the same one.
    """

    url: Url | None = None


class FlinkSettings(_Section):
    """The session cluster (`rest_address` is ``host:port``) and what every job on it starts from.

    `optimize` and `freshness` win over what a view says (docs/knobs.md), `configuration` over what they come to. Each
    task manager holds all rows of a dimension in memory, and `dimension_rows` of one at most; an event of a topic waits
    at most `dimension_patience_s` seconds until a dimension is complete to it.
    """

    rest_address: str = ""
    checkpoint_dir: str = ""
    savepoint_dir: str = ""
    parallelism: Annotated[int, Field(ge=1)] = 2
    configuration: FlinkOptions = {}
    optimize: Optimize | None = None
    freshness: Freshness | None = None
    dimension_rows: Annotated[int, Field(ge=1)] = 1_000_000
    dimension_patience_s: Annotated[int, Field(ge=1)] = 300


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
    task_manager_process: MiB = 2300
    task_manager_managed: MiB = 512


class StackSettings(_Section):
    """The local stack: Kafka, Cassandra and a Flink session cluster as plain processes of this machine."""

    ports: StackPorts = StackPorts()
    memory: StackMemory = StackMemory()
    task_managers: Annotated[int, Field(ge=1, le=16)] = 2
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    # Cassandra refuses writes and Kafka dies on a full disk; a demo's data, logs and checkpoints fit into this (MiB).
    least_free_disk: MiB = 2048
    # For a stack of minutes: its JVMs compile by their first tier only, which is ready sooner and slower in the end.
    short_lived: bool = False


class Settings(BaseSettings):
    """All settings. Made by `load_settings`, which knows where each value came from.

    Args:
        layers: where values are looked for, the strongest first.

    Attributes:
        project: starts every physical name (tables, consumer groups, job names).
        home: folder of everything that headrace keeps on this machine.
        jars: folder that holds the JARs of `flink`, `kafka` and `cassandra`.

    Raises:
        SettingsError: a setting is unknown (with a suggestion), has a wrong value, or is a literal secret.
    """

    # Case decides, or a key of the file would count that is not written as it is documented.
    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, case_sensitive=True)

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "headrace"
    home: Path = Path(HOME)
    jars: Path = Path(".build/jars")
    kafka: KafkaSettings = KafkaSettings()
    cassandra: CassandraSettings = CassandraSettings()
    online: OnlineSettings = OnlineSettings()
    iceberg: IcebergSettings = IcebergSettings()
    registry: RegistrySettings = RegistrySettings()
    flink: FlinkSettings = FlinkSettings()
    stack: StackSettings = StackSettings()

    _layers: tuple[Layer, ...] = PrivateAttr()
    _origins: dict[Key, str] = PrivateAttr()

    def __init__(self, layers: Sequence[Layer]) -> None:
        try:
            super().__init__(_build_sources=(tuple(layers), {}))
        except ValidationError as error:
            raise SettingsError("\n".join(_sentence(item, layers) for item in error.errors())) from error
        self._layers = tuple(layers)
        self._origins = {key: origin_of(key, layers) for key, _ in leaves(self)}

    @property
    def stack_record(self) -> Path:
        """The file in which the local stack records its processes, ports and addresses."""
        return _record_in(self.home)

    @property
    def registry_file(self) -> Path:
        """Where the registry is unless a URL is set."""
        return self.home / "registry.db"

    @property
    def registry_url(self) -> str:
        """The database of everything that is registered, its secrets read now. Do not print it.

        Raises:
            SettingsError: a secret cannot be read.
        """
        # Imported where a registry is opened: most commands open none.
        from headrace.registry.database import url_of

        url = self.registry.url
        return url_of(self.registry_file) if url is None else value_of(url)

    @property
    def artifacts_folder(self) -> Path:
        """Where the files of models are."""
        return self.home / "artifacts"

    def origins(self) -> dict[str, tuple[Any, str]]:
        """Every leaf setting with its value and the place it came from; secrets are references."""
        return {".".join(key): (value, self._origins.get(key, DEFAULT_ORIGIN)) for key, value in leaves(self)}

    def connected(self) -> Settings:
        """The same settings with the addresses that the local stack has recorded by now.

        Raises:
            SettingsError: the record cannot be read.
        """
        return Settings(self._layers)


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
    variables = VariablesSource(Settings, os.environ if environment is None else environment, "environment")
    dotenv = VariablesSource(Settings, _dotenv(here / ".env"), ".env")
    # What a file says about paths is meant from where the file is, whoever reads it from wherever.
    path = (here / (config or FILE_NAME)).resolve()
    file = FileSource(Settings, path, required=config is not None)
    return Settings(
        [
            Layer(Settings, lambda _: flags or {}, lambda _: "flag", here),
            Layer(Settings, lambda _: variables(), variables.origin, here),
            Layer(Settings, lambda _: dotenv(), dotenv.origin, here),
            Layer(Settings, lambda _: file(), file.origin, path.parent),
            Layer(Settings, partial(_recorded, here / HOME), lambda key: f"{STACK_ORIGIN} ({key[0]})", here),
            Layer(Settings, partial(_local_defaults, here), lambda _: DEFAULT_ORIGIN, here),
        ]
    )


def _sentence(error: Any, layers: Sequence[Layer]) -> str:
    key: Key = tuple(str(part) for part in error["loc"])
    path, origin = ".".join(key), origin_of(key, layers)
    if error["type"] == "extra_forbidden":
        return f"{origin}: unknown setting {path!r}; {did_you_mean(key[-1], _fields_at(key[:-1]))}"
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        return f"{origin}: {path}: {cause}"
    return f"{origin}: {path}: {error['msg']}; found {_found(error)}"


def _found(error: Any) -> str:
    """What was found; of a wrong type only its name, since text in the place of a map may hold a secret."""
    return type(error["input"]).__name__ if error["type"].endswith("_type") else repr(error["input"])


def _fields_at(key: Key) -> list[str]:
    model: Any = Settings
    for part in key:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def _dotenv(path: Path) -> dict[str, str]:
    found = dotenv_values(path, interpolate=False) if path.is_file() else {}
    return {name: text for name, text in found.items() if text is not None}


def _record_in(home: Path) -> Path:
    return home / "stack" / "stack.json"


def _recorded(default_home: Path, stronger: Values) -> dict[str, Any]:
    """What the local stack in the home says of itself."""
    record = _record_in(Path(str(stronger.get("home", default_home))))
    if not record.is_file():
        return {}
    try:
        services = json.loads(record.read_text(encoding="utf-8"))["services"]
        return {name: dict(service["settings"][name]) for name, service in services.items() if service["settings"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{record}: not a record of the local stack ({error!r}); run `headrace stack up` to write it anew"
        raise SettingsError(msg) from error


def _local_defaults(here: Path, stronger: Values) -> dict[str, Any]:
    """What is kept on this machine when nothing else is configured; all under the home, so erasing it erases all."""
    home = Path(str(stronger.get("home", here / HOME)))
    data = _record_in(home).parent
    catalog = {
        "type": "sql",
        "uri": f"sqlite:///{data}/iceberg/catalog.db",
        "warehouse": f"file://{data}/iceberg/warehouse",
    }
    # The catalog is one opaque map: a configured one is taken whole, never mixed with the local one.
    configured = "properties" in (stronger.get("iceberg") or {})
    return {
        "home": HOME,
        "jars": str(_jars_near(here)),
        "online": {"file": str(home / ONLINE_FILE)},
        "flink": {
            "checkpoint_dir": f"file://{data}/flink/checkpoints",
            "savepoint_dir": f"file://{data}/flink/savepoints",
        },
        "iceberg": {} if configured else {"properties": catalog},
    }


def _jars_near(here: Path) -> Path:
    """The nearest folder of JARs: upwards from here, else that of the checkout this code is in."""
    checkout = Path(__file__).resolve().parent.parent
    candidates = [parent / ".build" / "jars" for parent in (here, *here.parents, checkout)]
    return next((folder for folder in candidates if folder.is_dir()), candidates[-1])
