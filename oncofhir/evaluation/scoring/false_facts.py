"""False facts: findings where a label is known absent, and wrong findings per 100 right ones.

A finding is wrong if it is not the label's value (`exact`), or if the label is known absent. The most
authoritative finding of an item counts, as in `tally.py`.
"""

from collections.abc import Iterable, Mapping, Sequence

from oncofhir.evaluation.dataset import Phenotype
from oncofhir.evaluation.scoring.tally import PHENOTYPE_OF, Tally
from oncofhir.schemas.base import Value


class FalseFacts(Value):
    """`absent` labels are known absent; `found` of them have a finding nevertheless.

    `wrong` findings include those at absent labels; `right` are the others.
    """

    absent: int
    found: int
    right: int
    wrong: int
    wrong_per_100_right: float | None


def false_facts(reports: Sequence[Mapping[str, Tally]]) -> dict[str, FalseFacts]:
    """Return the false facts of each labelled phenotype, and of all under `micro`."""
    counted = [(PHENOTYPE_OF[name], tally) for report in reports for name, tally in report.items()]
    by_phenotype = {
        phenotype.value: [tally for of, tally in counted if of is phenotype]
        for phenotype in Phenotype
    }
    rows = {name: _row(tallies) for name, tallies in by_phenotype.items() if tallies}
    return {**rows, "micro": _row(tally for _, tally in counted)}


def _row(tallies: Iterable[Tally]) -> FalseFacts:
    each = list(tallies)
    absent = [tally for tally in each if not tally.wanted]
    right = sum(tally.right for tally in each)
    wrong = sum(tally.claimed for tally in each) - right
    return FalseFacts(
        absent=len(absent),
        found=sum(tally.claimed for tally in absent),
        right=right,
        wrong=wrong,
        wrong_per_100_right=100 * wrong / right if right else None,
    )
