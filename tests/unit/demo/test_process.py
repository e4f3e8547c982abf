"""Ports for the servers of the demo and of the tests."""

import socket
from pathlib import Path

import pytest

from oncofhir.demo import process
from oncofhir.demo.process import StartError, free_port

GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_none_that_the_system_gives_to_connections():
    first = int(GIVEN_OUT.read_text().split()[0]) if GIVEN_OUT.exists() else 49152
    ports = {free_port() for _ in range(50)}
    assert max(ports) < first
    assert len(ports) > 40, "two programs that ask at once get two ports"


def test_a_port_that_is_taken_is_not_free(monkeypatch):
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        monkeypatch.setattr(process, "_NOT_GIVEN_OUT", [port])
        with pytest.raises(StartError, match="no free port"):
            free_port()
    assert free_port() == port
