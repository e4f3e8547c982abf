"""The resources that Provenance names and no report changes: Devices, prompt set, model card."""

import asyncio
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.provenance import shared_resources, software_resource
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.schemas.identity import Run


class SharedResources:
    """Writes these resources where they are missing. Each is looked up once per process."""

    def __init__(
        self, strategy: Strategy, systems: IdentifierSystems, model_card: str | None
    ) -> None:
        self._strategy = strategy
        self._systems = systems
        self._model_card = model_card
        self._lock = asyncio.Lock()
        self._ensured: set[str] = set()

    async def ensure_run(self, run: Run, prompt_text: str) -> None:
        """Ensure what the Provenance of a run names."""
        for resource in shared_resources(run, self._systems, prompt_text, self._model_card):
            await self._ensure(resource)

    async def ensure_software(self, software: str) -> None:
        """Ensure the Device that the Provenance of a withdrawal names."""
        await self._ensure(software_resource(software, self._systems))

    async def _ensure(self, resource: dict[str, Any]) -> None:
        async with self._lock:
            if resource["id"] not in self._ensured:
                await self._strategy.ensure(resource)
                self._ensured.add(resource["id"])
