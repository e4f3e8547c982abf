"""The measures of the CancerLLM paper: exact match, BLEU-2 and ROUGE-L, also for the diagnosis.

Source: CancerLLM's published evaluation. For each question, the best match of each predicted value gives
precision, and the best match of each gold value gives recall. Both are averaged over the questions; F1 is
their harmonic mean. A question here is a labelled phenotype of a report that has a gold value or an
answer; all values of a phenotype count, not the most authoritative alone. Nothing to match counts 0.

BLEU-2: sacrebleu's sentence BLEU (Papineni et al., ACL 2002; Post, WMT 2018) of at most bigrams, effective
order, its default smoothing. ROUGE-L: F-measure of the longest common subsequence of words, rouge-score (Lin,
2004). Both between 0 and 1, on normal forms.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from oncofhir.evaluation.calibration.observed import Observed
from oncofhir.evaluation.dataset import Item, Phenotype
from oncofhir.evaluation.scoring.matching import exact, normal
from oncofhir.evaluation.scoring.tally import NOTHING_MEASURED, Score

Similarity = Callable[[Item, str, str], float]
_DIAGNOSIS = Item(phenotype=Phenotype.DIAGNOSIS)


def matches(item: Item, gold: str, found: str) -> float:
    """Return 1 for a match in normal form, else 0."""
    return float(exact(item, gold, found))


def bleu_2(item: Item, gold: str, found: str) -> float:
    """BLEU of unigrams and bigrams."""
    return _bleu_2(normal(item, gold), normal(item, found))


def rouge_l(item: Item, gold: str, found: str) -> float:
    """ROUGE-L's F-measure."""
    return _rouge_l(normal(item, gold), normal(item, found))


VARIANTS: dict[str, Similarity] = {"exact": matches, "bleu_2": bleu_2, "rouge_l": rouge_l}


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 - of the extra `evaluate`

    return BLEU(max_ngram_order=2, effective_order=True, lowercase=True)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - of the extra `evaluate`

    return RougeScorer(["rougeL"])


@lru_cache(maxsize=50_000)
def _bleu_2(gold: str, found: str) -> float:
    return min(1.0, float(_bleu().sentence_score(found, [gold]).score) / 100)


@lru_cache(maxsize=50_000)
def _rouge_l(gold: str, found: str) -> float:
    return float(_rouge().score(gold, found)["rougeL"].fmeasure)


def paper_measure(reports: Sequence[Observed]) -> dict[str, Any]:
    """Return precision, recall and F1 of each variant over all questions, and macro F1 of the phenotypes."""
    return {name: _variant(reports, similarity) for name, similarity in VARIANTS.items()}


def _variant(reports: Sequence[Observed], similarity: Similarity) -> dict[str, Any]:
    of_phenotype: dict[Phenotype, list[tuple[float, float]]] = {}
    for report in reports:
        for phenotype in Phenotype:
            question = _question(report, phenotype, similarity)
            if question is not None:
                of_phenotype.setdefault(phenotype, []).append(question)
    scores = {str(p): _averaged(questions) for p, questions in of_phenotype.items()}
    everything = [question for questions in of_phenotype.values() for question in questions]
    return {
        **_averaged(everything).model_dump(),
        "macro_f1": sum(s.f1 or 0.0 for s in scores.values()) / len(scores) if scores else None,
        "phenotypes": {name: found.model_dump() for name, found in scores.items()},
    }


def _question(
    report: Observed, phenotype: Phenotype, similarity: Similarity
) -> tuple[float, float] | None:
    """Return precision and recall of one question; None if there is neither label nor answer."""
    items = [(item, gold) for item, gold in report.gold if item.phenotype is phenotype]
    gold = [(item, value) for item, value in items if value is not None]
    found = [(item, claim.value) for item, _ in items for claim in report.claims(item)]
    if not gold and not found:
        return None
    return _best(found, gold, similarity), _best(gold, found, similarity)


def _best(
    of: Sequence[tuple[Item, str]], among: Sequence[tuple[Item, str]], similarity: Similarity
) -> float:
    """Return the mean of each value's best match; values of different items do not match."""
    if not of:
        return 0.0
    best = [
        max((similarity(item, other, value) for i, other in among if i == item), default=0.0)
        for item, value in of
    ]
    return sum(best) / len(best)


def _averaged(questions: Sequence[tuple[float, float]]) -> Score:
    if not questions:
        return NOTHING_MEASURED
    precision = sum(p for p, _ in questions) / len(questions)
    recall = sum(r for _, r in questions) / len(questions)
    both = precision + recall
    return Score(
        precision=precision, recall=recall, f1=2 * precision * recall / both if both else 0.0
    )


def diagnosis_measures(reports: Sequence[Observed]) -> dict[str, Any]:
    """Return the means of exact match, BLEU-2 and ROUGE-L over labelled diagnoses; no answer counts 0.

    Without a labelled diagnosis they are None.
    """
    labelled = [(r, gold) for r in reports if (gold := dict(r.gold).get(_DIAGNOSIS)) is not None]
    means: dict[str, Any] = {"labels": len(labelled)}
    for name, similarity in VARIANTS.items():
        scores = [
            similarity(_DIAGNOSIS, gold, claims[0].value)
            for report, gold in labelled
            if (claims := report.claims(_DIAGNOSIS))
        ]
        means[name] = sum(scores) / len(labelled) if labelled else None
    return means
