"""What this machine needs for the local stack: one check an idea, each with the one command that mends it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from headrace.errors import HeadraceError
from headrace.runtime.settings import Settings
from headrace.runtime.stack.java import find_java, jars_in
from headrace.runtime.stack.plan import ICEBERG, SERVICES
from headrace.runtime.stack.ports import is_free
from headrace.runtime.stack.preflight import MIB_IN_GIB, find_pyflink, free_disk
from headrace.runtime.stack.stack import Stack

OK, WARNING, FAILED = "ok", "warning", "failed"
JAVA_VERSION = 17
#: What PyFlink supports and the language of this code needs.
PYTHON_VERSIONS = ((3, 11), (3, 12))
#: All servers and a client together stay below eight; a machine of eight has less than that to give.
MEMORY_GIB = 7.5
GIB = 1024**3
#: What the Makefile builds JARs from.
BUILT_FROM = ("pom.xml", "connectors/java/pom.xml", "runtime/jars/*/pom.xml", "connectors/java/src/main/**/*")
#: `java -version` takes a tenth of a second, `mvn -v` one.
VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: what was found, and the command that mends it unless all is well."""

    check: str
    state: str
    found: str
    mend: str = ""


Check = Callable[[Settings], Finding]


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which things should be mended."""
    software: tuple[Check, ...] = (check_python, check_java, check_maven, check_pyflink)
    machine: tuple[Check, ...] = (check_memory, check_disk, check_ports)
    yield from (check(settings) for check in software)
    yield from (check_jars(settings, name) for name in SERVICES if name != ICEBERG)
    yield from (check(settings) for check in machine)
    yield from check_stack(settings)


def check_python(_settings: Settings) -> Finding:
    """Python is of a version that PyFlink supports."""
    found, (first, last) = sys.version_info[:2], PYTHON_VERSIONS
    text = f"{found[0]}.{found[1]} at {sys.executable}"
    if first <= found <= last:
        return Finding("python", OK, text)
    return Finding("python", FAILED, text, "make setup PYTHON=python3.11")


def check_java(_settings: Settings) -> Finding:
    """Java is there, and is 17."""
    mend = "apt-get install openjdk-17-jdk-headless"
    try:
        java = find_java()
    except HeadraceError as error:
        return Finding("java", FAILED, str(error), mend)
    text = _first_line([str(java), "-version"])
    version = re.search(r'version "(\d+)', text)
    if version and int(version.group(1)) == JAVA_VERSION:
        return Finding("java", OK, f"{text} at {java}")
    return Finding("java", FAILED, f"{text or 'no version'} at {java}, expected {JAVA_VERSION}", mend)


def check_maven(_settings: Settings) -> Finding:
    """Maven is there; only set-up needs it, so its absence is a warning."""
    found = shutil.which("mvn")
    if found is None:
        return Finding("maven", WARNING, "no mvn on the PATH; only set-up needs it", "apt-get install maven")
    return Finding("maven", OK, found)


def check_pyflink(_settings: Settings) -> Finding:
    """PyFlink, which holds Flink itself, is installed."""
    try:
        return Finding("pyflink", OK, str(find_pyflink()))
    except HeadraceError as error:
        return Finding("pyflink", FAILED, str(error), "make setup")


def check_jars(settings: Settings, service: str) -> Finding:
    """The JARs of one service are there, and are those of the checkout's sources."""
    name = f"jars of {service}"
    try:
        jars = jars_in(settings.jars / service)
    except HeadraceError as error:
        return Finding(name, FAILED, str(error), "make setup")
    broken = [jar for jar in jars if jar.stat().st_size == 0]
    if broken:
        return Finding(name, FAILED, f"{broken[0]} is empty", "rm .build/jars.stamp && make setup")
    newer = newer_than(settings.jars)
    if newer is not None:
        return Finding(name, FAILED, f"older than {newer}", "make setup")
    return Finding(name, OK, f"{len(jars)} in {settings.jars / service}")


def newer_than(jars: Path) -> Path | None:
    """A source from which `make setup` would build the JARs of a checkout anew; None where it would not, or is none."""
    stamp, checkout = jars.absolute().with_name("jars.stamp"), jars.absolute().parent.parent
    if not stamp.is_file():
        return None
    built, sources = stamp.stat().st_mtime, (file for pattern in BUILT_FROM for file in checkout.glob(pattern))
    return next((file for file in sources if file.is_file() and file.stat().st_mtime > built), None)


def check_memory(settings: Settings) -> Finding:
    """The machine has memory for all servers and a client; what the stack holds already counts as there."""
    held = sum(identity.memory_bytes() for identity in Stack(settings).record().identities())
    available = (psutil.virtual_memory().available + held) / GIB
    text = f"{available:.1f} GiB for the stack, {MEMORY_GIB} wanted"
    if available >= MEMORY_GIB:
        return Finding("memory", OK, text)
    return Finding("memory", WARNING, text, "export HEADRACE__STACK__TASK_MANAGERS=1")


def check_disk(settings: Settings) -> Finding:
    """The disk of the home has room."""
    free, needed = free_disk(settings.home), settings.stack.least_free_disk
    text = f"{free / MIB_IN_GIB:.1f} GiB free at {settings.home}, {needed / MIB_IN_GIB:g} needed"
    if free >= needed:
        return Finding("disk", OK, text)
    return Finding("disk", FAILED, text, "headrace stack down --erase")


def check_ports(settings: Settings) -> Finding:
    """Configured ports are free, or held by the stack itself."""
    own = set(Stack(settings).record().ports.values())
    configured = {name: port for name, port in settings.stack.ports.model_dump().items() if port}
    taken = [f"{name}={port}" for name, port in configured.items() if port not in own and not is_free(port)]
    if taken:
        variable = f"HEADRACE__STACK__PORTS__{taken[0].partition('=')[0].upper()}"
        return Finding("ports", FAILED, f"taken: {', '.join(taken)}", f"export {variable}=0")
    return Finding("ports", OK, f"{len(configured)} configured, the others are chosen")


def check_stack(settings: Settings) -> Iterator[Finding]:
    """Every service that was started works; a stack that is down is no failure."""
    stack = Stack(settings)
    services = stack.record().services
    if not services:
        yield Finding("stack", OK, "down")
    for name in services:
        try:
            yield Finding(f"stack: {name}", OK, stack.check(name))
        except Exception as error:  # a sick service fails in its client's own ways
            yield Finding(f"stack: {name}", FAILED, f"{type(error).__name__}: {error}", "headrace stack up")


def _first_line(command: list[str]) -> str:
    """The first line that a program says about itself; empty when it cannot be run."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter((run.stderr + run.stdout).splitlines()), "")
