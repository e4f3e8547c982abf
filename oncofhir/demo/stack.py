"""The embedded servers: broker, FHIR server and model server, started in parallel and always stopped."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.model_server import PROMPT_SET, EmbeddedModelServer

IDENTIFIER_SYSTEM = "https://oncofhir.example.org/demo"


class Stack:
    """The three servers as a context manager."""

    def __init__(self) -> None:
        self.broker = EmbeddedBroker()
        self.fhir = EmbeddedFhirServer()
        self.model = EmbeddedModelServer()
        self._parts = (self.broker, self.fhir, self.model)

    @property
    def environment(self) -> dict[str, str]:
        """Settings for a worker that uses these servers."""
        return {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": self.broker.address,
            "ONCOFHIR_FHIR__BASE_URL": self.fhir.base_url,
            "ONCOFHIR_FHIR__STAGING_SYSTEM": "ajcc-8",  # else most of its stages are text
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": IDENTIFIER_SYSTEM,
            "ONCOFHIR_MODEL__URL": self.model.url,
            "ONCOFHIR_MODEL__PROMPT_SET": PROMPT_SET,
        }

    def start(self) -> None:
        """Start all in parallel.

        Raises:
            StartError: one did not start. The others are stopped.
        """
        try:
            with ThreadPoolExecutor(len(self._parts)) as pool:
                for started in [pool.submit(part.start) for part in self._parts]:
                    started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all; may be called twice."""
        for part in reversed(self._parts):
            part.stop()

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
