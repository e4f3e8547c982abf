"""What surrounds a mention: how sure it is, when it holds, whom it concerns and what it is said of."""

from enum import StrEnum

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Rejection


class Certainty(StrEnum):
    """How sure the report is."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    QUERIED = "queried"
    HYPOTHETICAL = "hypothetical"
    RECOMMENDED = "recommended"
    PENDING = "pending"


class Temporality(StrEnum):
    """When it holds. A superseded value was replaced by a later one, a corrected one taken back."""

    CURRENT = "current"
    EARLIER = "earlier"
    SUPERSEDED = "superseded"
    CORRECTED = "corrected"


class Experiencer(StrEnum):
    """Whom it concerns (ConText's term). Other: donors, study populations, controls, definitions."""

    PATIENT = "patient"
    FAMILY = "family"
    OTHER = "other"


class Target(StrEnum):
    """What it is said of."""

    TUMOR = "tumor"
    ANOTHER_THING = "another-thing"


_OF_CERTAINTY = {
    Certainty.NEGATED: Rejection.NEGATED,
    Certainty.UNCERTAIN: Rejection.UNCERTAIN,
    Certainty.QUERIED: Rejection.HYPOTHETICAL,
    Certainty.HYPOTHETICAL: Rejection.HYPOTHETICAL,
    Certainty.RECOMMENDED: Rejection.HYPOTHETICAL,
    Certainty.PENDING: Rejection.HYPOTHETICAL,
}


class Context(Value):
    """The context of one mention."""

    certainty: Certainty = Certainty.AFFIRMED
    temporality: Temporality = Temporality.CURRENT
    experiencer: Experiencer = Experiencer.PATIENT
    target: Target = Target.TUMOR

    @property
    def rejection(self) -> Rejection | None:
        """Why the mention is no current finding of the patient's tumour; None when it is one."""
        if self.experiencer is Experiencer.FAMILY:
            return Rejection.FAMILY
        if self.experiencer is Experiencer.OTHER:
            return Rejection.HYPOTHETICAL
        if self.certainty is not Certainty.AFFIRMED:
            return _OF_CERTAINTY[self.certainty]
        if self.temporality is not Temporality.CURRENT:
            return Rejection.HISTORICAL
        return Rejection.CONTRADICTED if self.target is not Target.TUMOR else None
