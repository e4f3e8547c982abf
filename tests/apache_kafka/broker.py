"""Apache Kafka, one KRaft node on free loopback ports, for tests, benchmarks and the chaos run.

`ApacheKafka` is started, stopped, killed and started again on the same ports and the same log folder.
"""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.demo.process import free_port
from oncofhir.schemas.errors import OncofhirError
from oncofhir.settings import KafkaSettings
from tests.apache_kafka.jars import jars

_OLDEST_JAVA = 17
_START_SECONDS = 90.0
_STARTS = 3
_STOP_SECONDS = 20.0
_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_PLAIN = "PLAIN"
_CONTROLLER = "CONTROLLER"


class BrokerError(Exception):
    """Apache Kafka does not run; the message says why and what to do."""


@dataclass(frozen=True)
class Listener:
    """A further listener; `properties` are the broker's, without their prefix `listener.name.<name>.`."""

    name: str
    protocol: str
    properties: Mapping[str, str] = field(default_factory=dict)


class ApacheKafka:
    """A broker that lives as long as the context, or between `start` and `stop`.

    Args:
        listeners: beside the plain one.
        properties: further lines of `server.properties`.
        scram: user → password, for SCRAM-SHA-256 and SCRAM-SHA-512; made when storage is formatted.
        heap: of the JVM.
        folder: for data and logs; without one a temporary folder, removed by `close`.
    """

    def __init__(
        self,
        *,
        listeners: Sequence[Listener] = (),
        properties: Mapping[str, str] | None = None,
        scram: Mapping[str, str] | None = None,
        heap: str = "384m",
        folder: Path | None = None,
    ) -> None:
        self._is_temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="oncofhir-kafka-"))
        self._listeners = (Listener(_PLAIN, "PLAINTEXT"), *listeners)
        self._ports = dict(
            zip(
                [listener.name for listener in self._listeners] + [_CONTROLLER],
                _free_ports(len(self._listeners) + 1),
                strict=True,
            )
        )
        self._more = dict(properties or {})
        self._scram = dict(scram or {})
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """What clients connect to, in the clear."""
        return self.address_of(_PLAIN)

    def address_of(self, listener: str) -> str:
        """What clients of a listener connect to; the name is `localhost`, as in certificates."""
        return f"localhost:{self._ports[listener]}"

    @property
    def pid(self) -> int | None:
        """The running broker's."""
        return self._process.pid if self._process else None

    @property
    def log_file(self) -> Path:
        """What the broker says."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start it and wait until it answers; the storage is formatted the first time.

        Raises:
            BrokerError: it did not come up.
            JarsMissing: it cannot be fetched.
        """
        if self._process is not None:
            return
        java = find_java()
        class_path = ":".join(str(jar) for jar in jars())
        run = [java, f"-Xmx{self._heap}", *_JAVA, "-cp", class_path]
        config = self.folder / "server.properties"
        if not config.exists():
            self._write_log_settings()
            config.write_text(self._properties())
            self._format(run, config)
        run.insert(1, f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}")
        for tries_left in reversed(range(_STARTS)):
            with self.log_file.open("ab") as out:
                self._process = subprocess.Popen(
                    [*run, "kafka.Kafka", str(config)],
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            try:
                self._wait_until_it_answers()
            except (
                BrokerError
            ):  # for one, a connection of somebody's has a port of ours for a moment
                if not tries_left:
                    raise
                time.sleep(1.0)
            else:
                return

    def stop(self) -> None:
        """Let it end in order (SIGTERM); its data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL); its data stays."""
        self._end(signal.SIGKILL)

    def restart(self, *, kill: bool = False) -> None:
        """Stop or kill it, and start it on the same ports and data."""
        self._end(signal.SIGKILL if kill else signal.SIGTERM)
        self.start()

    def close(self) -> None:
        """Stop it, and remove its temporary folder."""
        self.stop()
        if self._is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _properties(self) -> str:
        names = [listener.name for listener in self._listeners]
        controller = f"{_CONTROLLER}://localhost:{self._ports[_CONTROLLER]}"
        protocols = {listener.name: listener.protocol for listener in self._listeners}
        addresses = [f"{name}://localhost:{self._ports[name]}" for name in names]
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@localhost:{self._ports[_CONTROLLER]}",
            "controller.listener.names": _CONTROLLER,
            "listeners": ",".join([*addresses, controller]),
            "advertised.listeners": ",".join(addresses),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}"
                for name, protocol in (protocols | {_CONTROLLER: "PLAINTEXT"}).items()
            ),
            "inter.broker.listener.name": _PLAIN,
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "num.partitions": "1",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "log.cleaner.dedupe.buffer.size": "2097152",
            "message.max.bytes": str(17 * 2**20),
            "socket.request.max.bytes": str(64 * 2**20),
        }
        for listener in self._listeners:
            prefix = f"listener.name.{listener.name.lower()}."
            lines |= {prefix + key: value for key, value in listener.properties.items()}
        return "".join(f"{key}={value}\n" for key, value in (lines | self._more).items())

    def _write_log_settings(self) -> None:
        (self.folder / "log4j2.properties").write_text(
            "appender.out.type = Console\nappender.out.name = out\n"
            "appender.out.layout.type = PatternLayout\n"
            "appender.out.layout.pattern = %d %p %c{1} %m%n\n"
            "rootLogger.level = WARN\nrootLogger.appenderRef.out.ref = out\n"
        )

    def _format(self, run: Sequence[str], config: Path) -> None:
        cluster = uuid.uuid4().hex[:22]
        command = [*run, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)]
        for user, password in self._scram.items():
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            config.unlink()
            raise BrokerError(f"storage of Apache Kafka cannot be formatted: {done.stderr[-2000:]}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                said = self.log_file.read_text(errors="replace")[-3000:]
                why = "ended" if ended else f"does not answer within {_START_SECONDS:.0f} s"
                raise BrokerError(
                    f"Apache Kafka {why}. It needs Java {_OLDEST_JAVA}+ and about 600 MB of memory; "
                    f"it said:\n{said}"
                )
            time.sleep(0.1)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self._ports[_PLAIN])) != 0:
                return False
        settings = KafkaSettings(bootstrap_servers=self.address)
        try:
            connect(KafkaAdminClient, settings, **client_options(settings, "tests")).close()
        except OncofhirError:
            return False
        return True


def find_java() -> str:
    """The Java to run the broker with.

    Raises:
        BrokerError: there is none, or it is too old.
    """
    remedy = (
        f"Apache Kafka needs a Java {_OLDEST_JAVA} or newer on PATH "
        "(Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk)."
    )
    java = shutil.which("java")
    if java is None:
        raise BrokerError(f"No java was found. {remedy}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    _, _, rest = said.partition('version "')
    major = rest.partition(".")[0].partition('"')[0]
    if not major.isdigit() or int(major) < _OLDEST_JAVA:
        first = said.splitlines()[0] if said else "nothing"
        raise BrokerError(f"{java} says {first}. {remedy}")
    return java


def _free_ports(count: int) -> list[int]:
    """Free ports of loopback, as of now, all different."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)
