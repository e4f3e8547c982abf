"""Apicurio Registry, in memory, on a free loopback port: a registry that speaks Confluent's API.

It comes from Maven Central (142 MB, once), needs Java 17, and is ready after about five seconds.
"""

import shutil
import tarfile
import tempfile
from pathlib import Path

from oncofhir.demo.process import Process, free_port, responds
from tests.apache_kafka.broker import find_java
from tests.apache_kafka.jars import cache_folder, fetched_file

VERSION = "2.6.13.Final"  # 3.x needs Java 21
_ARCHIVE = (
    "3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba",
    f"io/apicurio/apicurio-registry-app/{VERSION}/apicurio-registry-app-{VERSION}-all.tar.gz",
)
_JAVA = ("-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class ApicurioRegistry(Process):
    """A registry that lives as long as the context. What was registered is gone when it stops."""

    def __init__(self) -> None:
        self.port = free_port()
        command = [
            find_java(),
            *_JAVA,
            f"-Dquarkus.http.port={self.port}",
            "-Dquarkus.http.host=127.0.0.1",
            "-jar",
            str(program()),
        ]
        super().__init__(
            "schema-registry",
            command,
            ready=lambda: responds(f"{self.url}/subjects"),
            wait_seconds=90.0,
        )

    @property
    def url(self) -> str:
        """The base of the Confluent-compatible API."""
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"


def program() -> Path:
    """The registry's jar; fetched and unpacked the first time.

    Raises:
        JarsMissing: it cannot be fetched.
    """
    folder = cache_folder().with_name(f"apicurio-registry-{VERSION}")
    jar = folder / f"apicurio-registry-app-{VERSION}-runner.jar"
    if not jar.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        archive = fetched_file(folder.parent, *_ARCHIVE)
        unpacked = Path(tempfile.mkdtemp(dir=folder.parent))
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        archive.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)
    return jar
