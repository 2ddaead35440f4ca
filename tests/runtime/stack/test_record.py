"""`stack.json`: what was written is read, and a reader never sees a part of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from headrace.errors import StackError
from headrace.runtime.stack.process import ProcessIdentity
from headrace.runtime.stack.record import (
    RUNNING,
    ProcessRecord,
    ServiceRecord,
    StackRecord,
    read_record,
    write_record,
    write_whole,
)

PROCESS = ProcessRecord(ProcessIdentity(7, 12.5), "/logs/kafka.log", restarts=2, last_exit=-9)
RECORD = StackRecord(
    supervisor=ProcessIdentity(1, 2.0),
    ports={"kafka": 20001},
    services={"kafka": ServiceRecord(RUNNING, {"kafka": {"bootstrap_servers": "h:1"}}, {"kafka": PROCESS})},
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_record(tmp_path / "stack.json", RECORD)
    assert read_record(tmp_path / "stack.json") == RECORD


def test_no_file_is_an_empty_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "stack.json") == StackRecord()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_another_file_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text, encoding="utf-8")
    with pytest.raises(StackError, match="delete the file"):
        read_record(tmp_path / "stack.json")


def test_a_reader_sees_whole_records_only_while_they_are_replaced(tmp_path: Path) -> None:
    path, stop = tmp_path / "stack.json", threading.Event()
    write_record(path, RECORD)

    def write() -> None:
        while not stop.is_set():
            write_record(path, RECORD)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(read_record(path) == RECORD for _ in range(500))
    finally:
        stop.set()
        writer.join()


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
