"""Ports of the stack: chosen once, kept from start to start, and named when somebody else holds them."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Mapping

import psutil

from headrace.errors import PreflightError, StackError

LOOPBACK = "127.0.0.1"
#: Below the range from which the kernel takes ports for outgoing connections, so that none takes ours meanwhile.
CHOSEN_FROM = range(20_000, 32_000)
#: With twelve thousand ports to choose from, this many misses in a row mean that something else is wrong.
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do it: connections of a predecessor that are still winding down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Whether somebody accepts connections on the port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def holder_of(port: int) -> str:
    """Who listens on a port, in words; of other users' processes the kernel does not tell us.

    >>> holder_of(1)
    'a process that cannot be seen from here'
    """
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next(c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port)
        return f"process {pid} ({psutil.Process(pid).name()})"
    except (psutil.Error, StopIteration):
        return "a process that cannot be seen from here"


def require_free(name: str, port: int) -> int:
    """The port, when it is free.

    Raises:
        PreflightError: it is taken; names the port, its setting and its holder.
    """
    if is_free(port):
        return port
    msg = (
        f"stack.ports.{name}: port {port} on {LOOPBACK} is held by {holder_of(port)}; "
        f"stop it, set another port, or have a free one chosen: `export HEADRACE__STACK__PORTS__{name.upper()}=0`"
    )
    raise PreflightError(msg)


class PortChooser:
    """Gives every name its port: the configured one, else the one it had before, else a free one.

    Services that start at the same time share one chooser, so that no two of them get the same port.

    Args:
        previous: the ports of the last start, taken again while they are free.
    """

    def __init__(self, previous: Mapping[str, int]) -> None:
        self._ports = dict(previous)
        self._lock = threading.Lock()

    def choose(self, name: str, configured: int = 0) -> int:
        """The port of a name, from now on; a configured one is taken as it is.

        Raises:
            PreflightError: the configured port is taken.
            StackError: no free port was found.
        """
        with self._lock:
            self._ports[name] = require_free(name, configured) if configured else self._kept_or_free(name)
            return self._ports[name]

    def ports(self) -> dict[str, int]:
        """The ports of all names, those of the last start included."""
        with self._lock:
            return dict(self._ports)

    def _kept_or_free(self, name: str) -> int:
        previous = self._ports.get(name, 0)
        return previous if previous and is_free(previous) else self._free()

    def _free(self) -> int:
        for _ in range(ATTEMPTS):
            port = random.choice(CHOSEN_FROM)  # noqa: S311 (not a secret, only spread out)
            if port not in self._ports.values() and is_free(port):
                return port
        msg = f"no free port between {CHOSEN_FROM.start} and {CHOSEN_FROM.stop} in {ATTEMPTS} attempts"
        raise StackError(msg)
