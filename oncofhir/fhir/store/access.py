"""Access to the store by the strategy that its server allows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head_store import HeadStore
from oncofhir.fhir.store.retraction import Retraction
from oncofhir.fhir.store.shared_resources import SharedResources
from oncofhir.fhir.store.strategies.strategy import Strategy


def utc_now() -> datetime:
    """Return the time, to the second: FHIR servers differ in the fractions that they keep."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class StoreAccess:
    """What reads and writes the documents of one source in one store."""

    heads: HeadStore
    shared: SharedResources
    retraction: Retraction


def store_access(
    client: FhirClient,
    strategy: Strategy,
    systems: IdentifierSystems,
    *,
    source_name: str,
    organization: str,
    software: str,
    clock: Callable[[], datetime],
    sources: SourceReferences = SAME,
    model_card: str | None = None,
) -> StoreAccess:
    """Build the access to the store of `client` by one strategy."""
    heads = HeadStore(
        client, strategy, systems, source_name=source_name, software=software, clock=clock
    )
    shared = SharedResources(strategy, systems, model_card)
    retraction = Retraction(
        heads, shared, sources, organization=organization, software=software, clock=clock
    )
    return StoreAccess(heads, shared, retraction)
