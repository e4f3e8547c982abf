"""The pipeline's answers about one labelled report, in the terms of the labels."""

from collections import Counter
from collections.abc import Sequence

from oncofhir.evaluation.dataset import Gold, Item, Phenotype
from oncofhir.inference.interpretation.candidates import QUESTION_KINDS, abstains
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding, Kind

_PHENOTYPES = {
    Kind.TUMOR_SIZE: Phenotype.SIZE,
    Kind.TUMOR_SITE: Phenotype.SITE,
    Kind.TUMOR_LATERALITY: Phenotype.LATERALITY,
    Kind.CANCER_GRADE: Phenotype.GRADE,
    Kind.HISTOLOGICAL_TYPE: Phenotype.HISTOLOGY,
    Kind.CANCER_STAGE: Phenotype.STAGE,
    Kind.HORMONE_RECEPTOR: Phenotype.RECEPTORS,
    Kind.DIAGNOSIS: Phenotype.DIAGNOSIS,
}


class Claim(Value):
    """A value that was found; `confidence` as the finding has it."""

    value: str
    kind: Kind
    confidence: float | None = None


class Observed(Value):
    """A report's labels, and what was found, by item, the most authoritative first.

    `seconds` is the whole way from text to findings, `model_seconds` the part in the model server.
    """

    key: str
    gold: tuple[tuple[Item, str | None], ...]
    found: dict[str, tuple[Claim, ...]]
    answers: int = 0
    abstained: int = 0
    rejected: dict[str, int] = {}
    seconds: float = 0.0
    model_seconds: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    unread: bool = False

    def claims(self, item: Item) -> tuple[Claim, ...]:
        return self.found.get(item.name, ())

    def only(self, items: frozenset[str]) -> "Observed":
        """The same, scored on these items alone."""
        return self.model_copy(update={"gold": tuple(g for g in self.gold if g[0].name in items)})


def item_of(finding: Finding) -> Item:
    """The item that a finding answers."""
    return Item(phenotype=_PHENOTYPES[finding.kind], slot=finding.slot)


def kind_of(item: Item) -> Kind:
    """The kind of finding that answers an item."""
    return next(kind for kind, phenotype in _PHENOTYPES.items() if phenotype is item.phenotype)


def found_by_item(findings: Sequence[Finding]) -> dict[str, tuple[Claim, ...]]:
    """The values by item; the same value of two specimen parts counts once."""
    found: dict[str, dict[str, Claim]] = {}
    for finding in findings:
        claim = Claim(value=finding.value, kind=finding.kind, confidence=finding.confidence)
        found.setdefault(item_of(finding).name, {}).setdefault(finding.value, claim)
    return {name: tuple(claims.values()) for name, claims in found.items()}


def observe(key: str, gold: Gold, extraction: Extraction, seconds: float) -> Observed:
    """What an extraction comes to."""
    answers = [a for a in extraction.answers if a.question in QUESTION_KINDS]
    usage = extraction.usage
    return Observed(
        key=key,
        gold=tuple(gold.items()),
        found=found_by_item(extraction.findings),
        answers=len(answers),
        abstained=sum(abstains(a.text) for a in answers),
        rejected=dict(Counter(r.reason.value for r in extraction.rejected)),
        seconds=seconds,
        model_seconds=usage.seconds,
        prompt_tokens=usage.prompt_tokens,
        generated_tokens=usage.generated_tokens,
    )
