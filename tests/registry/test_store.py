from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import ConnectorError, NotFoundError, RegistryConflictError
from headrace.registry.store import Materialization, Pointer, Registry, Run, ViewVersion

VERSION = ViewVersion("demo", "clicks", "0a1b2c3d", {"name": "clicks", "features": [1, None]})
TABLES = Materialization("demo", "clicks", "0a1b2c3d", {"ffff0000": "demo_clicks_ffff0000_g1"})
RUN = Run("run-1", "demo", "clicks", "0a1b2c3d", {"snapshot": 7, "partitions": [{"partition": 0, "start": 5}]})


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.at(tmp_path / "deep" / "registry.db")


def test_a_version_reads_back_and_repeats_harmlessly(registry: Registry) -> None:
    registry.add_version(VERSION)
    registry.add_version(replace(VERSION))
    assert registry.version("demo", "clicks", "0a1b2c3d") == VERSION
    assert registry.views("demo") == ["clicks"]


def test_a_version_applied_again_renews_its_words_only(registry: Registry) -> None:
    registry.add_version(VERSION)
    registry.add_version(replace(VERSION, plan={**VERSION.plan, "owner": "other@example.com"}))
    assert registry.version("demo", "clicks", "0a1b2c3d").plan["owner"] == "other@example.com"
    assert len(registry.versions("demo", "clicks")) == 1


def test_an_unknown_version_gets_a_suggestion(registry: Registry) -> None:
    registry.add_version(VERSION)
    with pytest.raises(NotFoundError, match="did you mean '0a1b2c3d'"):
        registry.version("demo", "clicks", "0a1b2c3e")


def test_a_project_without_views_says_how_it_gets_one(registry: Registry) -> None:
    for ask in (lambda: registry.check_view("demo", "clicks"), lambda: registry.version("demo", "clicks", "deadbeef")):
        with pytest.raises(
            NotFoundError, match="no view 'clicks': project 'demo' has no views yet; `headrace backfill"
        ):
            ask()


def test_a_materialization_keeps_its_tables(registry: Registry) -> None:
    registry.add_materialization(TABLES)
    registry.add_materialization(TABLES)
    assert registry.materialization("demo", "clicks", "0a1b2c3d") == TABLES
    with pytest.raises(RegistryConflictError, match="other tables"):
        registry.add_materialization(replace(TABLES, tables={"ffff0000": "elsewhere"}))
    with pytest.raises(NotFoundError, match="generation 2 has no tables"):
        registry.materialization("demo", "clicks", "0a1b2c3d", 2)


def test_a_run_collects_what_became_of_it(registry: Registry) -> None:
    registry.add_run(RUN)
    first = registry.submitted("run-1", "ab12")
    assert first == replace(RUN, status="running", job_id="ab12")
    registry.settle(first, "stopped", savepoint="/savepoints/1")
    second = registry.submitted("run-1", "cd34", "/savepoints/1")
    found = registry.settle(second, "failed", cause="the disk is full")
    expected = replace(first, job_id="cd34", started_from="/savepoints/1", savepoints=("/savepoints/1",))
    assert found == replace(expected, status="failed", cause="the disk is full")
    assert registry.runs("demo") == registry.runs("demo", "clicks") == [found]


def test_what_became_of_an_earlier_job_is_not_noted_for_a_later_one(registry: Registry) -> None:
    registry.add_run(RUN)
    seen = registry.submitted("run-1", "ab12")
    running = registry.submitted("run-1", "cd34")
    assert registry.settle(seen, "failed", cause="seen too late") == running


def test_a_savepoint_that_two_processes_note_is_kept_once(registry: Registry) -> None:
    registry.add_run(RUN)
    seen = registry.submitted("run-1", "ab12")
    registry.settle(seen, "stopped", savepoint="/savepoints/1")
    assert registry.settle(seen, "stopped", savepoint="/savepoints/1").savepoints == ("/savepoints/1",)


def test_a_run_id_is_taken_once(registry: Registry) -> None:
    registry.add_run(RUN)
    with pytest.raises(RegistryConflictError, match="already a run 'run-1'"):
        registry.add_run(RUN)
    with pytest.raises(NotFoundError, match="did you mean 'run-1'"):
        registry.run("run-2")
    with pytest.raises(NotFoundError, match="no run 'run-2'"):
        registry.submitted("run-2", "ab12")
    with pytest.raises(ValueError, match="expected one of"):
        registry.settle(RUN, "vanished")


def test_the_pointer_changes_only_from_what_was_expected(registry: Registry) -> None:
    first, second = Pointer("demo", "clicks", "0a1b2c3d"), Pointer("demo", "clicks", "0a1b2c3d", 2)
    registry.add_materialization(TABLES)
    registry.add_materialization(replace(TABLES, generation=2))
    assert registry.pointer("demo", "clicks") is None
    registry.set_pointer(first, expected=None)
    registry.set_pointer(second, expected=first)
    with pytest.raises(RegistryConflictError, match="found version 0a1b2c3d generation 2"):
        registry.set_pointer(first, expected=first)
    with pytest.raises(RegistryConflictError, match="expected nothing"):
        registry.set_pointer(first, expected=None)
    assert registry.pointer("demo", "clicks") == second


def test_the_pointer_never_shows_tables_that_are_not_there(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="has no tables"):
        registry.set_pointer(Pointer("demo", "clicks", "0a1b2c3d"), expected=None)


def test_of_many_who_set_the_pointer_one_wins(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    Registry(url).add_materialization(TABLES)
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            Registry(url).set_pointer(Pointer("demo", "clicks", "0a1b2c3d"), expected=None)
            outcomes.append("won")
        except RegistryConflictError:
            outcomes.append("lost")

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]


def test_a_broken_database_is_named_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_text("no database at all, but long enough to look like one" * 20)
    with pytest.raises(ConnectorError, match=r"registry\.db"):
        Registry(f"sqlite:///{tmp_path / 'registry.db'}")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("me:planted@db", "registry.url: not a URL as SQLAlchemy reads it"),
        ("postgresql+nodriver://me:planted@db/h", r"registry postgresql\+nodriver://me:\*{3}@db/h: .*driver"),
    ],
)
def test_a_database_that_cannot_be_meant_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConnectorError, match=told) as found:
        Registry(url)
    assert "planted" not in str(found.value)


def test_a_registry_of_another_version_is_refused_by_column(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    Registry(url)
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("ALTER TABLE runs DROP COLUMN cause")
    with pytest.raises(ConnectorError, match=r"table runs has no column 'cause'.*move it away"):
        Registry(url)
