"""Ports for the servers of the demo and of the tests."""

import socket

import pytest

from oncofhir.demo import process
from oncofhir.demo.process import StartError, free_port


def test_a_free_port_is_none_that_systems_give_to_connections_and_hardly_ever_the_same():
    ports = {free_port() for _ in range(50)}
    assert max(ports) < 32768, "where Linux begins to give them out, unless it is told otherwise"
    assert len(ports) > 40, "two programs that ask at once get two ports"


def test_a_port_that_is_taken_is_not_free(monkeypatch):
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        monkeypatch.setattr(process, "_NOT_EPHEMERAL", [port])
        with pytest.raises(StartError, match="no free port"):
            free_port()
    assert free_port() == port
