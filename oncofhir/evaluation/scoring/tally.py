"""Counts right and wrong findings of a report, and computes precision, recall and F1.

A report's answer to an item is its most authoritative finding. With a label it is right or wrong; where the
label is known absent, any answer is a wrong claim; what is not labelled is not counted.

    precision = right / claimed, recall = right / wanted, F1 = 2 right / (claimed + wanted)

(van Rijsbergen, Information Retrieval, 1979, for F.) Without label and claim there is no
figure, and without a label no recall; any other denominator of 0 gives 0.
"""

from oncofhir.evaluation.calibration.observed import Observed
from oncofhir.evaluation.dataset import ITEMS, Item, Phenotype
from oncofhir.evaluation.scoring.matching import exact, lenient
from oncofhir.schemas.base import Value

NAMES: tuple[str, ...] = tuple(item.name for item in ITEMS)
PHENOTYPE_OF: dict[str, Phenotype] = {item.name: item.phenotype for item in ITEMS}


class Tally(Value):
    """`right` in normal form, `related` leniently, of `claimed` findings and `wanted` labels."""

    right: int = 0
    related: int = 0
    claimed: int = 0
    wanted: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            right=self.right + other.right,
            related=self.related + other.related,
            claimed=self.claimed + other.claimed,
            wanted=self.wanted + other.wanted,
        )


class Score(Value):
    """Precision, recall and F1, each between 0 and 1; None where there is nothing to measure."""

    precision: float | None
    recall: float | None
    f1: float | None


NOTHING_MEASURED = Score(precision=None, recall=None, f1=None)


def tally(item: Item, gold: str | None, found: str | None) -> Tally:
    """Return the counts of one item of one report."""
    if gold is None or found is None:
        return Tally(claimed=found is not None, wanted=gold is not None)
    return Tally(
        right=exact(item, gold, found), related=lenient(item, gold, found), claimed=1, wanted=1
    )


def tallies(observed: Observed) -> dict[str, Tally]:
    """Return the counts of a report by item, for labelled items only."""
    found = {item: observed.claims(item) for item, _ in observed.gold}
    return {
        item.name: tally(item, gold, found[item][0].value if found[item] else None)
        for item, gold in observed.gold
    }


def score(hits: float, claimed: float, wanted: float) -> Score:
    """Compute precision, recall and F1 from three counts."""
    if not claimed + wanted:
        return NOTHING_MEASURED
    return Score(
        precision=hits / claimed if claimed else 0.0,
        recall=hits / wanted if wanted else None,
        f1=2 * hits / (claimed + wanted),
    )
