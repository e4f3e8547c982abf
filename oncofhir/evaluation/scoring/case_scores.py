"""Scores findings against the facts of a case: right, missing, wrong.

A fact is right when a finding matches it, missing when none does. A finding that matches a forbidden fact
is wrong, and so is an ICD-10-CM code of a diagnosis that matches `forbidden_icd10cm`; every finding counts,
not only the most authoritative. What is neither expected nor forbidden is not counted.
"""

import re
from collections.abc import Iterable, Sequence

from oncofhir.evaluation.cases import Case, Fact
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.terminology.tables import ICD_10_CM


class CaseScore(Value):
    """The score of one case: facts found and missed, and wrong findings and codes.

    `unexpected` are diagnoses that are neither expected nor acceptable; a forbidden one is among them.
    """

    case: str
    group: str
    right: tuple[Fact, ...]
    missing: tuple[Fact, ...]
    wrong: tuple[tuple[Finding, str], ...]
    wrong_codes: tuple[str, ...]
    diagnoses: int
    unexpected: tuple[Finding, ...]


class CaseTotals(Value):
    """The counts over cases, `recall`, and wrong findings and codes per 100 right ones."""

    cases: int
    expected: int
    right: int
    missing: int
    wrong: int
    wrong_codes: int
    recall: float | None
    wrong_per_100_right: float | None
    diagnoses: int
    wrong_diagnoses: int
    wrong_per_100_diagnoses: float | None


def score_case(case: Case, findings: Sequence[Finding]) -> CaseScore:
    """Compare the findings of a report with the facts of its case."""
    right = [fact for fact in case.expected if any(fact.matches(one) for one in findings)]
    wrong = [
        (one, next(fact.why for fact in case.forbidden if fact.matches(one)))
        for one in findings
        if any(fact.matches(one) for fact in case.forbidden)
    ]
    diagnoses = [one for one in findings if one.kind is Kind.DIAGNOSIS]
    codes = [code.code for one in diagnoses for code in one.codings if code.system == ICD_10_CM]
    forbidden = case.forbidden_icd10cm
    allowed = (*case.expected, *case.acceptable)
    is_wrong = {id(one) for one, _ in wrong}
    return CaseScore(
        case=case.id,
        group=case.group,
        right=tuple(right),
        missing=tuple(fact for fact in case.expected if fact not in right),
        wrong=tuple(wrong),
        wrong_codes=tuple(code for code in codes if forbidden and re.search(forbidden, code)),
        diagnoses=len(diagnoses),
        unexpected=tuple(
            one
            for one in diagnoses
            if id(one) in is_wrong or not any(fact.matches(one) for fact in allowed)
        ),
    )


def totals(scores: Iterable[CaseScore]) -> CaseTotals:
    """Add up the scores of cases."""
    scored = list(scores)
    right, missing, wrong, codes, diagnoses, unexpected = (
        sum(counts)
        for counts in (
            [len(score.right) for score in scored],
            [len(score.missing) for score in scored],
            [len(score.wrong) for score in scored],
            [len(score.wrong_codes) for score in scored],
            [score.diagnoses for score in scored],
            [len(score.unexpected) for score in scored],
        )
    )
    expected = right + missing
    return CaseTotals(
        cases=len(scored),
        expected=expected,
        right=right,
        missing=missing,
        wrong=wrong,
        wrong_codes=codes,
        recall=right / expected if expected else None,
        wrong_per_100_right=100 * (wrong + codes) / right if right else None,
        diagnoses=diagnoses,
        wrong_diagnoses=unexpected,
        wrong_per_100_diagnoses=100 * unexpected / diagnoses if diagnoses else None,
    )
