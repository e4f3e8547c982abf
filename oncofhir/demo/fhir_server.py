"""The embedded FHIR server: `sekmet-fhir`, an independent FHIR R4 server."""

import shutil
import sys
import tempfile
from pathlib import Path

from oncofhir.demo.process import STOP_SECONDS, Process, free_port, responds

# Its simulator would process Tasks of oncofhir. Its data are in a temporary folder.
_SETTINGS = """\
base_url: http://127.0.0.1:{port}/fhir
host: 127.0.0.1
port: {port}
data_dir: {folder}
simulator: {{enabled: false}}
"""


class EmbeddedFhirServer(Process):
    """A FHIR R4 server on a free loopback port. Its data are deleted when it stops."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._data = Path(tempfile.mkdtemp(prefix="oncofhir-fhir-"))
        settings = self._data / "settings.yaml"
        settings.write_text(_SETTINGS.format(port=self.port, folder=self._data / "data"))
        sekmet = Path(sys.executable).parent / "sekmet"
        program = str(sekmet) if sekmet.exists() else "sekmet"
        super().__init__(
            "fhir-server",
            [program, "serve", "--config", str(settings)],
            ready=lambda: responds(f"{self.base_url}/metadata"),
            folder=self._data,
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def stop(self, *, wait_seconds: float = STOP_SECONDS) -> None:
        super().stop(wait_seconds=wait_seconds)
        shutil.rmtree(self._data, ignore_errors=True)
