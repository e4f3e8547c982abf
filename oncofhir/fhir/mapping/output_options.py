"""Output options: what a site may choose of the output, within the specification."""

from oncofhir.schemas.base import Value
from oncofhir.settings import (
    ConditionCategory,
    ConfidenceOutput,
    ObservationStatus,
    StagingSystem,
    VerificationStatus,
)


class OutputOptions(Value):
    """The settings ONCOFHIR_FHIR__… of the same names, with the same defaults. None can claim a review."""

    observation_status: ObservationStatus = ObservationStatus.PRELIMINARY
    verification_status: VerificationStatus = VerificationStatus.UNCONFIRMED
    condition_category: ConditionCategory = ConditionCategory.HEALTH_CONCERN
    staging_system: StagingSystem | None = None
    confidence: ConfidenceOutput = ConfidenceOutput.ALWAYS

    @property
    def non_default(self) -> dict[str, str]:
        """The options that are not the default. They change what is written, and so a run's identity."""
        return self.model_dump(mode="json", exclude_defaults=True)


DEFAULT = OutputOptions()
