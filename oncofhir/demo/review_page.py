"""The page of `oncofhir review` on the demo's servers."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from oncofhir.demo.process import STOP_SECONDS, Process, free_port, responds


class ReviewPage(Process):
    """`oncofhir review` on a free loopback port, ready when it lists the findings.

    `environment` are the settings of the demo's worker.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        port: int | None = None,
        *,
        wait_seconds: float = 90.0,
    ) -> None:
        self.port = port or free_port()
        self._folder_of_index = tempfile.TemporaryDirectory(prefix="oncofhir-review-")
        index = Path(self._folder_of_index.name) / "index.sqlite"
        super().__init__(
            "review",
            [sys.executable, "-m", "oncofhir", "review", "--port", str(self.port)],
            environment={
                **environment,
                "ONCOFHIR_WORKLIST__INDEX_FILE": str(index),
                "ONCOFHIR_WORKLIST__POLL_SECONDS": "5",
                "ONCOFHIR_LOG__FORMAT": "json",
            },
            ready=lambda: responds(f"{self.url}ready"),
            wait_seconds=wait_seconds,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self, *, wait_seconds: float = STOP_SECONDS) -> None:
        super().stop(wait_seconds=wait_seconds)
        self._folder_of_index.cleanup()
