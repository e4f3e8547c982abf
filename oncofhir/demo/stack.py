"""The embedded stack: broker, FHIR server, model server; started side by side, stopped whatever happens."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.model_server import PROMPT_SET, EmbeddedModelServer

IDENTIFIER_SYSTEM = "https://oncofhir.example.org/demo"


class Stack:
    """A context manager over the three."""

    def __init__(self) -> None:
        self.broker = EmbeddedBroker()
        self.fhir = EmbeddedFhirServer()
        self.model = EmbeddedModelServer()
        self._parts = (self.broker, self.fhir, self.model)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a worker that uses this stack."""
        return {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": self.broker.address,
            "ONCOFHIR_FHIR__BASE_URL": self.fhir.base_url,
            "ONCOFHIR_FHIR__STAGING_SYSTEM": "ajcc-8",  # else most of its stages are text
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": IDENTIFIER_SYSTEM,
            "ONCOFHIR_MODEL__URL": self.model.url,
            "ONCOFHIR_MODEL__PROMPT_SET": PROMPT_SET,
        }

    def start(self) -> None:
        """Start all, side by side.

        Raises:
            StartError: one did not come up; none is left running.
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
