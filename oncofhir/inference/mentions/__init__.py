"""Finds values in text and brings each to its normal form (contract, table of normal forms).

One module a kind; the same finder reads the model's answer and the report, so an answer is grounded
where the report holds a mention of the same value, in whatever spelling.
"""

from collections.abc import Callable, Iterator

from oncofhir.inference.mentions.grade import grades
from oncofhir.inference.mentions.laterality import named_sides
from oncofhir.inference.mentions.mention import Mention
from oncofhir.inference.mentions.receptor import receptors
from oncofhir.inference.mentions.size import sizes
from oncofhir.inference.mentions.stage import stages
from oncofhir.schemas.finding import Kind

FINDERS: dict[Kind, Callable[[str], Iterator[Mention]]] = {
    Kind.TUMOR_SIZE: sizes,
    Kind.TUMOR_LATERALITY: named_sides,
    Kind.CANCER_GRADE: grades,
    Kind.CANCER_STAGE: stages,
    Kind.HORMONE_RECEPTOR: receptors,
}

__all__ = ["FINDERS", "Mention"]
