"""Ports: taken ones are named with their holder, chosen ones are kept."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace.errors import PreflightError
from headrace.runtime.stack.ports import CHOSEN_FROM, LOOPBACK, PortChooser, is_free, is_open, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_setting_port_and_holder(taken: int) -> None:
    with pytest.raises(PreflightError, match=rf"stack.ports.kafka: port {taken} .* process {os.getpid()} "):
        require_free("kafka", taken)


def test_open_is_not_free(taken: int) -> None:
    assert (is_free(taken), is_open(taken)) == (False, True)


def test_a_configured_port_is_taken_as_it_is(taken: int) -> None:
    free = PortChooser({}).choose("kafka")
    assert PortChooser({"kafka": taken}).choose("kafka", free) == free
    with pytest.raises(PreflightError):
        PortChooser({}).choose("kafka", taken)


def test_the_port_of_the_last_start_is_kept_while_it_is_free(taken: int) -> None:
    free = PortChooser({}).choose("kafka")
    assert PortChooser({"kafka": free}).choose("kafka") == free
    assert PortChooser({"kafka": taken}).choose("kafka") != taken


def test_chosen_ports_are_free_and_different() -> None:
    chooser = PortChooser({})
    chosen = [chooser.choose(name) for name in "abcdef"]
    assert len(set(chosen)) == len(chosen)
    assert all(port in CHOSEN_FROM and is_free(port) for port in chosen)


def test_services_that_start_together_lose_none_of_each_others_ports() -> None:
    chooser, names = PortChooser(dict.fromkeys("abcdefgh", 0)), "abcdefgh"
    with ThreadPoolExecutor(len(names)) as pool:
        chosen = dict(zip(names, pool.map(chooser.choose, names), strict=True))
    assert chooser.ports() == chosen
    assert len(set(chosen.values())) == len(names)
