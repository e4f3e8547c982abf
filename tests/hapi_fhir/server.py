"""HAPI FHIR (R4, H2 in memory) as a process on a free loopback port; from Maven Central, on the JDK."""

from pathlib import Path

from oncofhir.demo.process import Process, free_port, responds
from tests.maven import class_path, java

SOURCE = Path(__file__).with_name("HapiServer.java")
_START_SECONDS = 240.0


def class_path_of_hapi() -> str:
    """Its class path; fetched once (380 MB).

    Raises:
        CannotRun: there is no Maven, or Maven Central cannot be reached.
    """
    return class_path(SOURCE.with_name("pom.xml"), "hapi-fhir")


class HapiFhirServer(Process):
    """A FHIR server; what it holds is gone when it stops. `deletes`: also of what others refer to.
    `binaries`: content is stored outside of its resource (Binary Storage). `subscriptions`: rest-hook
    Subscriptions are on. `exports`: Bulk Data $export.

    Raises:
        CannotRun: there is no JDK 17 or no Maven, or Maven Central cannot be reached.
    """

    def __init__(
        self,
        *,
        deletes: bool = False,
        binaries: bool = False,
        subscriptions: bool = False,
        exports: bool = False,
    ) -> None:
        self.port = free_port()
        classes = class_path_of_hapi()
        quick = ["-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        super().__init__(
            "hapi-fhir",
            [
                java(),
                *quick,
                "-cp",
                classes,
                str(SOURCE),
                str(self.port),
                *(["deletes"] if deletes else []),
                *(["binaries"] if binaries else []),
                *(["subscriptions"] if subscriptions else []),
                *(["exports"] if exports else []),
            ],
            ready=lambda: responds(f"{self.base_url}/metadata"),
            wait_seconds=_START_SECONDS,
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"
