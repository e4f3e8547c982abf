"""A lesion of a report: one tumour, metastasis or precancer, with what the report says of it."""

from enum import StrEnum

from oncofhir.schemas.base import Value
from oncofhir.schemas.context import Temporality


class Behaviour(StrEnum):
    """How a lesion behaves: the fifth digit of an ICD-O-3 morphology code."""

    BENIGN = "benign"
    BORDERLINE = "borderline"
    IN_SITU = "in-situ"
    INVASIVE = "invasive"
    METASTATIC = "metastatic"

    @property
    def icd_o_digit(self) -> str:
        """The digit behind the slash: /0, /1, /2, /3 or /6 (ICD-O-3, section 4.4)."""
        return _DIGITS[self]


_DIGITS = {
    Behaviour.BENIGN: "0",
    Behaviour.BORDERLINE: "1",
    Behaviour.IN_SITU: "2",
    Behaviour.INVASIVE: "3",
    Behaviour.METASTATIC: "6",
}


class Lesion(Value):
    """One lesion. `id` is unique within the report ("1", "2" in the order of their first mention).

    `organ` is the name of the organ in which it sits (`terminology/sites.toml`), `site` the words for
    the place, `laterality` left, right, bilateral or midline, only for organs that have sides. `histology` is
    the most specific name that the report affirms of it, in lower case. `primary_organ` is where a metastasis
    comes from, where the report says so. `part` is the specimen part or the label under which its findings
    stand (`Finding.part`); None where the report has one lesion only. `spans` are where the report names it:
    code-point offsets of `Report.text`, end exclusive.
    """

    id: str
    behaviour: Behaviour
    temporality: Temporality = Temporality.CURRENT
    organ: str | None = None
    site: str | None = None
    laterality: str | None = None
    histology: str | None = None
    primary_organ: str | None = None
    part: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
