"""One CQL query over a plain socket: asks whether Cassandra answers without starting a driver, its pools and threads.

Frames of the native protocol, version 4: a fixed header (version, flags, stream, operation, length), then a body.
"""

from __future__ import annotations

import socket
import struct

from headrace.errors import StackError

HEADER = struct.Struct(">BBhBi")
REQUEST_VERSION = 0x04
ERROR, STARTUP, READY, QUERY, RESULT = 0x00, 0x01, 0x02, 0x07, 0x08
CONSISTENCY_ONE = 0x0001


def query(host: str, port: int, statement: str, timeout_s: float) -> None:
    """Run a statement and wait for its result, which is not decoded.

    Raises:
        StackError: the server answers with an error; its message is in ours.
        OSError: there is no answer within the timeout.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        _exchange(connection, STARTUP, _string_map({"CQL_VERSION": "3.0.0"}), READY)
        text = statement.encode()
        _exchange(
            connection, QUERY, struct.pack(">i", len(text)) + text + struct.pack(">HB", CONSISTENCY_ONE, 0), RESULT
        )


def _exchange(connection: socket.socket, operation: int, body: bytes, expected: int) -> None:
    connection.sendall(HEADER.pack(REQUEST_VERSION, 0, 0, operation, len(body)) + body)
    _, _, _, answered, length = HEADER.unpack(_received(connection, HEADER.size))
    answer = _received(connection, length)
    if answered != expected:
        msg = f"Cassandra: operation {operation} answered by {answered}, expected {expected}: {_error_text(answer)}"
        raise StackError(msg)


def _received(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            msg = f"Cassandra closed the connection after {len(parts)} of {length} bytes"
            raise ConnectionResetError(msg)
        parts += part
    return bytes(parts)


def _string_map(values: dict[str, str]) -> bytes:
    return struct.pack(">H", len(values)) + b"".join(_string(part) for pair in values.items() for part in pair)


def _string(text: str) -> bytes:
    """A string of the protocol: its length in two bytes, then its bytes.

    >>> _string("ok")
    b'\\x00\\x02ok'
    """
    return struct.pack(">H", len(text.encode())) + text.encode()


def _error_text(body: bytes) -> str:
    """The message of an error's body: code (4 bytes), length (2 bytes), text."""
    return body[6:].decode(errors="replace")
