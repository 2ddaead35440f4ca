"""Where and how large a job runs on Kubernetes: all that a job itself does not say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from headrace.connectors.secret import property_value
from headrace.errors import SettingsError
from headrace.runtime.kubernetes.image import installed_flink_version, operator_version_name, pinned_image
from headrace.runtime.kubernetes.names import DATA_KEY, VARIABLE, label, subdomain

# Storage that every pod of the namespace reaches; a file system of one machine is none.
STORAGE = re.compile(r"(s3|s3a|s3p|gs|abfs|abfss|wasb|wasbs|oss|hdfs)://[^\s?#]+")


def _positive(setting: str, number: float) -> None:
    if number <= 0:
        msg = f"{setting}: expected more than 0, found {number!r}"
        raise SettingsError(msg)


@dataclass(frozen=True)
class Resources:
    """What one pod gets; request and limit are the same, so a pod is never thrown out for what it was promised.

    Args:
        cpu: cores.
        memory_mib: memory of the whole process in MiB.
        scratch_gib: local disk in GiB, for RocksDB and files of the moment.

    Raises:
        SettingsError: one of them is not positive.
    """

    cpu: float
    memory_mib: int
    scratch_gib: int

    def __post_init__(self) -> None:
        for name in ("cpu", "memory_mib", "scratch_gib"):
            _positive(name, getattr(self, name))


# Coordination of one job: no data passes through it.
JOB_MANAGER = Resources(cpu=1, memory_mib=2048, scratch_gib=5)
# One core a slot (two slots), and the 4 GiB at which Flink's own split leaves RocksDB more than 1 GiB.
TASK_MANAGER = Resources(cpu=2, memory_mib=4096, scratch_gib=20)


@dataclass(frozen=True)
class SecretVariable:
    """An environment variable of the pods that holds one key of a Kubernetes secret.

    Args:
        name: of the variable, to which a job refers as ``env:NAME``.
        secret: name of the Kubernetes secret.
        key: which of its values.

    Raises:
        SettingsError: one of them is a name that Kubernetes would refuse.
    """

    name: str
    secret: str
    key: str

    def __post_init__(self) -> None:
        subdomain("secret", self.secret)
        if not (VARIABLE.fullmatch(self.name) and DATA_KEY.fullmatch(self.key)):
            msg = f"secret variable: expected NAME=SECRET/KEY such as DB_PASSWORD=cassandra/password, found {self}"
            raise SettingsError(msg)

    def __str__(self) -> str:
        return f"{self.name}={self.secret}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> SecretVariable:
        """The variable that a text means.

        >>> SecretVariable.parse("DB_PASSWORD=cassandra/password")
        SecretVariable(name='DB_PASSWORD', secret='cassandra', key='password')

        Raises:
            SettingsError: the text is not of this form.
        """
        name, _, place = text.partition("=")
        secret, _, key = place.partition("/")
        return cls(name, secret, key)


@dataclass(frozen=True)
class Deployment:
    """A place for one job on a Kubernetes cluster with Flink's operator (1.13 or newer).

    Args:
        image: the image built by `k8s/Containerfile`, pinned by digest or tag.
        storage: URI of object storage under which checkpoints, savepoints and high-availability metadata are kept.
        namespace: where everything is made.
        service_account: the job manager's identity; the task managers' is the same name with ``-taskmanager``.
        identity: annotations of both service accounts, for a cloud's workload identity; never a secret.
        job_manager: what the job manager gets.
        task_manager: what each task manager gets.
        slots: subtasks a task manager runs at once.
        secrets: names of Kubernetes secrets, mounted read-only as files under ``/etc/headrace/secrets/<name>/``.
        secret_variables: keys of Kubernetes secrets that the pods get as environment variables.
        operator_namespace: where the operator runs; it alone may reach Flink's REST port from outside the job.
        savepoint: the state in which the job starts; None starts empty, or where the operator left off.
        redeploy: a number; a change of it makes the operator start again from `savepoint` (a rollback).
        flink_version: of the image.

    Raises:
        SettingsError: a value that Kubernetes, the operator or Flink would refuse; the setting is named.
    """

    image: str
    storage: str
    namespace: str = "default"
    service_account: str = "headrace"
    identity: tuple[tuple[str, str], ...] = ()
    job_manager: Resources = JOB_MANAGER
    task_manager: Resources = TASK_MANAGER
    slots: int = 2
    secrets: tuple[str, ...] = ()
    secret_variables: tuple[SecretVariable, ...] = ()
    operator_namespace: str = "flink-operator"
    savepoint: str | None = None
    redeploy: int | None = None
    flink_version: str = field(default_factory=installed_flink_version)

    def __post_init__(self) -> None:
        pinned_image(self.image)
        operator_version_name(self.flink_version)
        _object_storage("storage", self.storage)
        label("namespace", self.namespace)
        label("operator_namespace", self.operator_namespace)
        label("service_account", self.task_manager_account)
        for secret in self.secrets:
            subdomain("secret", secret)
        for key, value in self.identity:
            property_value(key, value)
        _positive("slots", self.slots)
        self._check_start()

    def _check_start(self) -> None:
        if self.savepoint is not None:
            _object_storage("savepoint", self.savepoint)
        elif self.redeploy is not None:
            msg = f"redeploy: {self.redeploy} says to start again from a savepoint; say which one by `savepoint`"
            raise SettingsError(msg)

    @property
    def task_manager_account(self) -> str:
        """The service account of the task managers, which may do less than the job manager's."""
        return f"{self.service_account}-taskmanager"


def _object_storage(setting: str, uri: str) -> None:
    property_value(setting, uri)
    if not STORAGE.fullmatch(uri):
        msg = (
            f"{setting}: expected a URI of storage that all pods reach, such as 's3://bucket/folder', found {uri!r}; "
            "pods share no disk, and state on one of them dies with it"
        )
        raise SettingsError(msg)
