"""The tables that a sink keeps, one per output topic."""

from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.landing import LandedTable


def landed_tables(settings: KafkaSettings) -> tuple[LandedTable, LandedTable]:
    """Return the tables `phenotypes` and `outcomes` with the topics they are read from."""
    return (
        LandedTable(name="phenotypes", topic=settings.phenotype_topic, model=PhenotypeRow),
        LandedTable(name="outcomes", topic=settings.outcome_topic, model=OutcomeRow),
    )
