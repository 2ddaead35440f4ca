"""Java: which one, and the arguments that all servers of the stack share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace.errors import PreflightError

#: Restarting a JVM that ran out of memory is the supervisor's business; one that limps on is nobody's.
COMMON = (
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    # These classes come from our own build; checking their bytes again costs a tenth of every start.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    "-Dfile.encoding=UTF-8",
    "-Duser.timezone=UTC",
)
#: Stops the JVM's compiler where its code is quickly made and good enough for some minutes.
FIRST_TIER = "-XX:TieredStopAtLevel=1"
#: The first compiler tier only: servers that mostly wait start in half the processor time.
QUICK_START = (FIRST_TIER, "-XX:+UseSerialGC")


def find_java(environment: Mapping[str, str] = os.environ) -> Path:
    """The Java executable: that of JAVA_HOME, else the first on the PATH.

    Raises:
        PreflightError: there is none.
    """
    home = environment.get("JAVA_HOME")
    candidate = Path(home) / "bin" / "java" if home else None
    if candidate is not None and candidate.is_file():
        return candidate
    found = shutil.which("java", path=environment.get("PATH", ""))
    if found is None:
        msg = "no Java on the PATH and no JAVA_HOME; install a Java 17 runtime, such as openjdk-17-jre-headless"
        raise PreflightError(msg)
    return Path(found)


def heap(mib: int, initial_mib: int | None = None) -> tuple[str, str]:
    """The arguments for a heap, in MiB.

    >>> heap(512, 64)
    ('-Xms64m', '-Xmx512m')
    """
    return f"-Xms{initial_mib or mib}m", f"-Xmx{mib}m"


def compilers(*, short_lived: bool) -> tuple[str, ...]:
    """The arguments by which a server that works compiles its code: wholly, or by the first tier when it soon ends.

    Measured: of the processor time of Cassandra's first two minutes the compiler took a third, of a task manager's a
    fifth.

    >>> compilers(short_lived=True), compilers(short_lived=False)
    (('-XX:TieredStopAtLevel=1',), ())
    """
    return (FIRST_TIER,) if short_lived else ()


def class_path(jars: Sequence[Path]) -> str:
    """JARs as a class path, in the order given."""
    return os.pathsep.join(str(jar) for jar in jars)


def jars_in(folder: Path) -> list[Path]:
    """The JARs of a folder by name.

    Raises:
        PreflightError: there are none.
    """
    found = sorted(folder.glob("*.jar"))
    if not found:
        msg = (
            f"no JARs in {folder}; run `make setup`, or set `jars` to the folder that holds flink, kafka and cassandra"
        )
        raise PreflightError(msg)
    return found


def temporary(scratch: Path) -> tuple[str, ...]:
    """The arguments that keep a JVM's temporary files in its scratch folder, native libraries included."""
    return tuple(f"-D{key}={scratch}" for key in ("java.io.tmpdir", "jna.tmpdir", "io.netty.native.workdir"))
