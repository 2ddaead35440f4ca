"""``headrace k8s``: a recorded run as manifests for Flink's operator, and a model's schedules as a CronJob."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from headrace.errors import NotFoundError, SettingsError, did_you_mean
from headrace.jobs.options import options_of
from headrace.jobs.output import progress
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.kubernetes import Deployment, Resources, SecretVariable, render
from headrace.runtime.kubernetes.cron_job import SETTINGS, TRAINER, CronJob
from headrace.runtime.kubernetes.deployment import TASK_MANAGER
from headrace.runtime.kubernetes.manifests import render_cron_job

# Client-side apply copies a manifest into an annotation of at most 256 KiB, which a large plan exceeds.
APPLY = "kubectl apply --server-side -f"

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

RunOrSpec = Annotated[str, typer.Argument(help="A run id, or the path of a job's file (job.json).")]
Storage = Annotated[str, typer.Option(help="Object storage for checkpoints, savepoints and HA: s3://bucket/folder.")]
Image = Annotated[str | None, typer.Option(help="The image, by tag or digest.", show_default="headrace:<version>")]
Namespace = Annotated[str, typer.Option(help="Where everything is made.")]
Account = Annotated[str, typer.Option(help="Service account of the job manager; made if absent.")]
Identity = Annotated[list[str], typer.Option(help="KEY=VALUE annotation of the service accounts (workload identity).")]
Secrets = Annotated[list[str], typer.Option("--secret", help="Kubernetes secret to mount as files; repeatable.")]
SecretEnv = Annotated[list[str], typer.Option(help="NAME=SECRET/KEY: a variable out of a secret; repeatable.")]
OperatorNamespace = Annotated[str, typer.Option(help="Where Flink's operator runs.")]
Slots = Annotated[int, typer.Option(min=1, help="Subtasks a task manager runs at once.")]
Cpu = Annotated[float, typer.Option(help="Cores of a task manager.")]
MemoryMib = Annotated[int, typer.Option(help="Memory of a task manager in MiB.")]
ScratchGib = Annotated[int, typer.Option(help="Local disk of a task manager in GiB.")]
Savepoint = Annotated[str | None, typer.Option(help="Start from this savepoint.")]
Redeploy = Annotated[int | None, typer.Option(help="Change this number to start again from --savepoint (rollback).")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of to standard output.")]


@app.callback()
def k8s() -> None:
    """Run on Kubernetes: jobs by Flink's operator, schedules by a CronJob.

    Example: headrace k8s render flights-1 --storage s3://lake/flink -o flights-1.yaml
    """


@app.command(name="render")
def render_command(
    context: typer.Context,
    run_or_spec: RunOrSpec,
    storage: Storage,
    image: Image = None,
    namespace: Namespace = "default",
    service_account: Account = "headrace",
    identity: Identity = [],  # noqa: B006 (typer reads it, nobody writes it)
    secret: Secrets = [],  # noqa: B006
    secret_env: SecretEnv = [],  # noqa: B006
    operator_namespace: OperatorNamespace = "flink-operator",
    slots: Slots = 2,
    cpu: Cpu = TASK_MANAGER.cpu,
    memory_mib: MemoryMib = TASK_MANAGER.memory_mib,
    scratch_gib: ScratchGib = TASK_MANAGER.scratch_gib,
    savepoint: Savepoint = None,
    redeploy: Redeploy = None,
    output: Output = None,
) -> None:
    """Write the manifests of a run: service accounts, roles, network policies, the job, the FlinkDeployment.

    Example: headrace k8s render flights-1 --storage s3://lake/flink --secret cassandra -o flights-1.yaml
    """
    deployment = Deployment(
        image=image or f"headrace:{version('headrace')}",
        storage=storage,
        namespace=namespace,
        service_account=service_account,
        identity=tuple(_pair(text) for text in identity),
        task_manager=Resources(cpu, memory_mib, scratch_gib),
        slots=slots,
        secrets=tuple(secret),
        secret_variables=tuple(SecretVariable.parse(text) for text in secret_env),
        operator_namespace=operator_namespace,
        savepoint=savepoint,
        redeploy=redeploy,
    )
    text = render(JobSpec.load(job_file(run_or_spec, options_of(context).settings().home)), deployment)
    _write(text, output)


@app.command(name="schedule")
def schedule_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Python file with a TrainingPipeline that declares a schedule.")],
    claim: Annotated[str, typer.Option(help="PersistentVolumeClaim of the home, for one pod at a time.")],
    name: Annotated[str, typer.Option(help="Which training of the file; needed when there are several.")] = "",
    look: Annotated[str, typer.Option(help="How often it is looked whether something is due.")] = "5m",
    image: Image = None,
    namespace: Namespace = "default",
    service_account: Annotated[str, typer.Option(help="Service account of the pods; made.")] = "headrace-schedule",
    secret: Secrets = [],  # noqa: B006
    secret_env: SecretEnv = [],  # noqa: B006
    cpu: Annotated[float, typer.Option(help="Cores of the pod.")] = TRAINER.cpu,
    memory_mib: Annotated[int, typer.Option(help="Memory of the pod in MiB.")] = TRAINER.memory_mib,
    scratch_gib: Annotated[int, typer.Option(help="Local disk of the pod in GiB.")] = TRAINER.scratch_gib,
    output: Output = None,
) -> None:
    """Write a CronJob that does what is due of a model's schedules: `headrace schedule run` at each look.

    The file travels with the modules of your own that it imports, which lie in no package. The settings are those of
    `headrace.yaml` here; the image has torch (k8s/README.md says how).

    Example: headrace k8s schedule late_trips.py --claim headrace-home --image registry/headrace:0.1.0 -o trips.yaml
    """
    from headrace.training.continual.cron import cron_times
    from headrace.training.learning.pipeline import load_training

    training = load_training(file, name)
    model = training.model_name()
    chosen = ("--name", name) if name else ()
    job = CronJob(
        name=f"schedule-{model.replace('_', '-')}",
        times=cron_times(look),
        arguments=("schedule", "run", file.name, *chosen, "--by", "schedule"),
        files={**_definition(file, training.own_files()), **_settings(options_of(context).config)},
        image=image or f"headrace:{version('headrace')}",
        claim=claim,
        namespace=namespace,
        service_account=service_account,
        resources=Resources(cpu, memory_mib, scratch_gib),
        secrets=tuple(secret),
        secret_variables=tuple(SecretVariable.parse(text) for text in secret_env),
    )
    _write(render_cron_job(job), output)


def job_file(run_or_spec: str, home: Path) -> Path:
    """The file of a job: the argument where it is a file, else that of the run of this name.

    Raises:
        NotFoundError: it is neither; the runs there are, are named.
    """
    if Path(run_or_spec).is_file():
        return Path(run_or_spec)
    found = {file.parent.name: file for file in (home / "runs").glob("*/job.json")}
    if run_or_spec not in found:
        msg = f"{run_or_spec!r} is neither a file nor a run under {home / 'runs'}; {did_you_mean(run_or_spec, found)}"
        raise NotFoundError(msg)
    return found[run_or_spec]


def _definition(file: Path, own: Mapping[str, Path]) -> dict[str, str]:
    """A definition file and the own modules that it needs beside it, for a pod to read.

    SettingsError for modules of packages: a ConfigMap has no folders.
    """
    packaged = sorted(name for name, path in own.items() if path.name != f"{name}.py")
    if packaged:
        msg = (
            f"{file}: imports {', '.join(packaged)} of a package of your own, and a ConfigMap has no folders; expected "
        )
        raise SettingsError(msg + "modules beside the file; move them there, or install the package, in the image too")
    return {one.name: one.read_text(encoding="utf-8") for one in (file, *own.values())}


def _settings(config: Path | None) -> dict[str, str]:
    """The settings' file, for a pod to read; none where there is none."""
    file = config or Path(SETTINGS)
    return {SETTINGS: file.read_text(encoding="utf-8")} if config is not None or file.is_file() else {}


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        msg = f"--identity: expected KEY=VALUE such as eks.amazonaws.com/role-arn=arn:..., found {text!r}"
        raise SettingsError(msg)
    return key, value


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        progress(f"wrote {output}; apply it with: {APPLY} {output}")
