"""Damages reports, or changes what they say, and says what must then be found.

| kind | to the text | demands |
| --- | --- | --- |
| misspell | `rate` of the words of four letters and more get a wrong letter | the same |
| case | `rate` of the words change to upper or lower case | the same |
| ocr | `rate` of the words are misread: l for 1, O for 0, m for rn, a blank inside | the same |
| shuffle | `rate` of the sentences change places | the same |
| hostile | orders to the model, between sentences and at the end; `rate` is the share of reports | the same |
| counterfactual | `rate` of the labelled values become others, wherever they occur | the others |
| negate | of `rate` of the reports every malignancy is negated | no histology, no diagnosis |

Every change follows from the seed and the report. Only labels on which the change bears are scored: those
that were changed by `counterfactual` and `negate`, all others by the rest.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from enum import StrEnum

from oncofhir.evaluation.dataset import Gold, Item, LabelledReport, Phenotype
from oncofhir.evaluation.perturbation.counterfactual import changed_values
from oncofhir.evaluation.perturbation.damage import (
    change_case,
    misread,
    misspell,
    shuffle_sentences,
    with_injected_prompts,
)
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.base import Value


class Perturbation(StrEnum):
    """What is done to the reports."""

    MISSPELL = "misspell"
    CASE = "case"
    OCR = "ocr"
    COUNTERFACTUAL = "counterfactual"
    NEGATE = "negate"
    SHUFFLE = "shuffle"
    HOSTILE = "hostile"


class Perturbed(Value):
    """A changed report: its text, what must be found, and the labels as they were, of the same items."""

    key: str
    text: str
    before: tuple[tuple[Item, str | None], ...]
    after: tuple[tuple[Item, str | None], ...]


_DAMAGES: dict[Perturbation, Callable[[random.Random, str, float], str]] = {
    Perturbation.MISSPELL: misspell,
    Perturbation.CASE: change_case,
    Perturbation.OCR: misread,
    Perturbation.SHUFFLE: shuffle_sentences,
    Perturbation.HOSTILE: with_injected_prompts,
}
_NO = "no evidence of "
_DENIED = frozenset({Phenotype.HISTOLOGY, Phenotype.DIAGNOSIS})


def perturb(
    reports: Sequence[LabelledReport], kind: Perturbation, rate: float, seed: int
) -> tuple[Perturbed, ...]:
    """The reports after the change; those on which nothing could be changed have no labels left."""
    return tuple(_perturbed(report, kind, rate, seed) for report in reports)


def _perturbed(report: LabelledReport, kind: Perturbation, rate: float, seed: int) -> Perturbed:
    digest = hashlib.sha256(f"{seed}|{kind}|{report.key}".encode()).digest()
    chance = random.Random(digest)  # noqa: S311 - reproducible, not secret
    gold = report.gold()
    text, after = _changed(chance, report.text, gold, kind, rate)
    before = {item: gold[item] for item in after}
    return Perturbed(
        key=report.key, text=text, before=tuple(before.items()), after=tuple(after.items())
    )


def _changed(
    chance: random.Random, text: str, gold: Gold, kind: Perturbation, rate: float
) -> tuple[str, dict[Item, str | None]]:
    if kind is Perturbation.COUNTERFACTUAL:
        return changed_values(chance, text, gold, rate)
    if kind is Perturbation.NEGATE:
        if chance.random() >= rate:
            return text, {}
        denied = {i: None for i, v in gold.items() if v is not None and i.phenotype in _DENIED}
        return _denied(text), dict(denied)
    return _DAMAGES[kind](chance, text, rate), dict(gold)


def _denied(text: str) -> str:
    """Negate every malignancy, with the words before it in its clause that describe it."""
    pieces: list[str] = []
    at = 0
    for match in MALIGNANCY.finditer(text):
        start = max(at, _phrase_start(text, match.start()))
        pieces += [text[at:start], _NO, text[start : match.end()]]
        at = match.end()
    return "".join([*pieces, text[at:]])


def _phrase_start(text: str, position: int) -> int:
    """Where the words begin that stand before a name without a stop between."""
    start = position
    while start and (text[start - 1].isalnum() or text[start - 1] in " -"):
        start -= 1
    while start < position and text[start] in " -":
        start += 1
    return start
