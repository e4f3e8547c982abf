"""What a site may choose of the output, within the specification; the defaults are those of the settings."""

from oncofhir.schemas.base import Value
from oncofhir.settings import (
    ConditionCategory,
    ObservationStatus,
    StagingSystem,
    VerificationStatus,
)


class Choices(Value):
    """As the settings `FHIR__…` of the same names. None of them can claim a review."""

    observation_status: ObservationStatus = ObservationStatus.PRELIMINARY
    verification_status: VerificationStatus = VerificationStatus.UNCONFIRMED
    condition_category: ConditionCategory = ConditionCategory.HEALTH_CONCERN
    staging_system: StagingSystem | None = None

    @property
    def unusual(self) -> dict[str, str]:
        """Those that are not the default: they change what is written, and so the identity of a run."""
        return self.model_dump(mode="json", exclude_defaults=True)


DEFAULT = Choices()
