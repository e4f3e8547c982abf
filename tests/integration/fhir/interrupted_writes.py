"""A writer that is cut off, and what it left in the store."""

import httpx2

from oncofhir.fhir.rest.client import FhirClient
from tests.integration.fhir.document_store import Bench


class CutOff:
    """The connection is gone after so many writes, until it is mended."""

    def __init__(self, client: FhirClient, *, after: int) -> None:
        self.left = after
        self._hooks = client._transport._own.event_hooks["request"]
        self._hooks.append(self._sent)

    async def _sent(self, request) -> None:
        if request.method in {"PUT", "POST"}:
            if self.left == 0:
                raise httpx2.ConnectError("cut off")
            self.left -= 1

    def mend(self) -> None:
        self._hooks.remove(self._sent)


async def tasks_of(bench: Bench) -> list[dict]:
    return await bench.client.search("Task", {"focus": f"DiagnosticReport/{bench.ident}"})


async def of_this_patient(bench: Bench) -> list[dict]:
    who = {"subject": f"Patient/{bench.ident}", "_count": "100"}
    return [
        resource
        for kind in ("Observation", "Condition")
        for resource in await bench.client.search(kind, who)
    ]
