"""What Provenance names and no report changes, written where missing: Devices, prompt set, model card."""

import asyncio
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.provenance import software_resource, standing_resources
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.schemas.identity import Run


class Standing:
    """Each of these resources is looked up once in this object's life."""

    def __init__(
        self, strategy: Strategy, systems: IdentifierSystems, model_card: str | None
    ) -> None:
        self._strategy = strategy
        self._systems = systems
        self._model_card = model_card
        self._ensuring = asyncio.Lock()
        self._ensured: set[str] = set()

    async def ensure_run(self, run: Run, prompt_text: str) -> None:
        """Those that the Provenance of a run names."""
        for resource in standing_resources(run, self._systems, prompt_text, self._model_card):
            await self._ensure(resource)

    async def ensure_software(self, software: str) -> None:
        """The Device that a retraction is done by."""
        await self._ensure(software_resource(software, self._systems))

    async def _ensure(self, resource: dict[str, Any]) -> None:
        async with self._ensuring:
            if resource["id"] not in self._ensured:
                await self._strategy.ensure(resource)
                self._ensured.add(resource["id"])
