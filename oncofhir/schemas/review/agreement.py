"""How reviewers and the model agree, and the codes that a reviewer can choose."""

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Coding, Kind


class CodeChoice(Value):
    """A value that a reviewer may choose, and its code. `detail` distinguishes equal displays."""

    value: str
    coding: Coding | None = None
    slot: str | None = None
    detail: str | None = None


class Agreement(Value):
    """How reviewers judged the findings of one phenotype, site and model.

    Counts are of findings by the last verdict. `precision` is (confirmed) / (confirmed + corrected +
    refuted); `kappa` is Cohen's kappa of the `double_reviewed` findings that two humans reviewed, None below
    two of them or if all verdicts are equal.
    """

    kind: Kind
    slot: str | None = None
    site: str
    model: str
    confirmed: int = 0
    corrected: int = 0
    refuted: int = 0
    missed: int = 0
    unsure: int = 0
    unreviewed: int = 0
    double_reviewed: int = 0
    kappa: float | None = None

    @property
    def precision(self) -> float | None:
        """Fraction of the reviewed findings that a human confirmed; None without any."""
        reviewed = self.confirmed + self.corrected + self.refuted
        return self.confirmed / reviewed if reviewed else None
