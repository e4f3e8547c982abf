"""How reviewers judge the model, from the index.

Cohen's kappa is of the findings on which at least two reviewers decided: of each the two last words. Source:
J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from oncofhir.review.worklist.index import FindingIndex
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import Agreement, WorklistItem

Pair = tuple[str, str]
_FINDINGS = "SELECT item, review, reviewed_at FROM findings"
_OPINIONS = (
    "SELECT finding, status, unsure FROM opinions "
    "WHERE status <> 'unreviewed' OR unsure ORDER BY finding, position"
)
_WRONG = frozenset({ReviewStatus.REFUTED, ReviewStatus.ENTERED_IN_ERROR, ReviewStatus.DELETED})


def agreement_of(
    index: FindingIndex, since: datetime | None, until: datetime | None
) -> tuple[Agreement, ...]:
    """Count the verdicts by phenotype, site and model, of reviews from `since` on and before `until`.

    Unreviewed findings have no time of review: they are counted where neither is given.
    """
    pairs, unsure = _opinions(index)
    counts: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    doubles: defaultdict[tuple[Any, ...], list[Pair]] = defaultdict(list)
    for text, review, at in index.rows(_FINDINGS):
        item = WorklistItem.model_validate_json(text)
        if not _is_within(at, since, until):
            continue
        key = (item.kind, item.slot, item.site, item.model)
        counts[key][_judged(item, ReviewStatus(review))] += 1
        counts[key]["unsure"] += item.finding in unsure
        if item.finding in pairs:
            doubles[key].append(pairs[item.finding])
    return tuple(
        Agreement(
            kind=kind,
            slot=slot,
            site=site,
            model=model,
            **{name: count for name, count in counts[key].items() if name in _COUNTED},
            double_reviewed=len(doubles[key]),
            kappa=cohens_kappa(doubles[key]),
        )
        for key in sorted(counts, key=_order)
        for kind, slot, site, model in [key]
    )


_COUNTED = frozenset(Agreement.model_fields)


def cohens_kappa(pairs: list[Pair]) -> float | None:
    """Cohen's kappa of two raters' verdicts on the same findings.

    None for fewer than two findings, or if chance alone explains everything: both always said the same.
    """
    if len(pairs) < 2:  # noqa: PLR2004 - one finding has no chance agreement
        return None
    total = len(pairs)
    observed = sum(a == b for a, b in pairs) / total
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[verdict] * second[verdict] for verdict in first) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _opinions(index: FindingIndex) -> tuple[dict[str, Pair], frozenset[str]]:
    """The two last words on each finding, and the findings about which somebody is not sure."""
    words: defaultdict[str, list[str]] = defaultdict(list)
    unsure: set[str] = set()
    for finding, status, is_unsure in index.rows(_OPINIONS):
        if is_unsure:
            unsure.add(finding)
        else:
            words[finding].append(_category(ReviewStatus(status)))
    # A second word is only another reviewer's: the head keeps one opinion of each. The earlier one is first.
    pairs = {finding: (said[1], said[0]) for finding, said in words.items() if len(said) > 1}
    return pairs, frozenset(unsure)


def _judged(item: WorklistItem, review: ReviewStatus) -> str:
    if item.added:
        return "missed" if review not in _WRONG else "withdrawn"
    return _category(review)


def _category(review: ReviewStatus) -> str:
    return "refuted" if review in _WRONG else review.value


def _is_within(at: str | None, since: datetime | None, until: datetime | None) -> bool:
    if since is None and until is None:
        return True
    if at is None:
        return False
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return (since is None or moment >= since) and (until is None or moment < until)


def _order(key: tuple[Kind, str | None, str, str]) -> tuple[str, ...]:
    kind, slot, site, model = key
    return site, model, kind.value, slot or ""
