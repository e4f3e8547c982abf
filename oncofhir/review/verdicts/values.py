"""A value that a reviewer wrote: brought to its normal form and coded, as a model's answer is. Pure."""

import re

from oncofhir.inference.interpretation.short_answers import mentions
from oncofhir.inference.mentions import FINDERS
from oncofhir.inference.mentions.mention import Mention
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.review import ReviewedValue
from oncofhir.terminology.choices import choices
from oncofhir.terminology.coding import codings, diagnosis_codings

ACCEPTED = {
    Kind.TUMOR_SIZE: "a length with its unit: 23 mm, 2.3 x 1.8 cm",
    Kind.TUMOR_LATERALITY: "left, right, bilateral or midline",
    Kind.CANCER_GRADE: "a grade: 1, 2, 3, low, high, Gleason 3+4=7",
    Kind.CANCER_STAGE: "a stage or category: pT2, N1a, IIB",
    Kind.HORMONE_RECEPTOR: "positive, negative or equivocal",
    Kind.TUMOR_SITE: "the name of a site",
    Kind.HISTOLOGICAL_TYPE: "the name of a histological type",
    Kind.DIAGNOSIS: "the name of a disease",
}
_A_WORD = re.compile(r"[^\W\d_]{2}")


def read_value(kind: Kind, slot: str | None, words: str) -> ReviewedValue | None:
    """Read what a reviewer wrote for a phenotype, without codes; None if it is no value of it.

    `slot` is the receptor or the stage component; words that name another one are no value.
    """
    words = " ".join(words.split())
    if kind not in FINDERS:
        return ReviewedValue(value=words.lower()) if _A_WORD.search(words) else None
    chosen = next(
        (c for c in choices(kind) if c.slot == slot and c.value.lower() == words.lower()), None
    )
    if chosen is not None:
        return ReviewedValue(value=chosen.value)
    found = [m for m in _mentions(kind, slot, words) if m.slot == slot]
    values = {m.value for m in found}
    if len(values) != 1:
        return None
    mention = found[0]
    unit = "mm" if mention.number is not None else None
    return ReviewedValue(
        value=mention.value, number=mention.number, unit=unit, dimensions=mention.dimensions
    )


def _mentions(kind: Kind, slot: str | None, words: str) -> list[Mention]:
    if kind is Kind.HORMONE_RECEPTOR:
        named = list(FINDERS[kind](words))
        return named or list(FINDERS[kind](f"{slot} {words}"))
    return list(mentions(kind, words))


def with_codes(
    value: ReviewedValue,
    kind: Kind,
    slot: str | None,
    chosen: Coding | None,
    *,
    has_codes: bool,
    site: str | None = None,
    laterality: str | None = None,
) -> ReviewedValue:
    """Return the value with its codes: the chosen one first, then the value's other codes.

    Without a chosen code a stage is coded only if `has_codes`: the staging system of the finding has some.
    """
    if kind is Kind.DIAGNOSIS:
        own = diagnosis_codings(value.value, site=site, laterality=laterality)
    elif kind is Kind.CANCER_STAGE and not has_codes:
        own = ()
    else:
        own = codings(kind, slot, value.value)
    if chosen is None:
        return value.model_copy(update={"codings": own})
    same = any((c.system, c.code) == (chosen.system, chosen.code) for c in own)
    return value.model_copy(update={"codings": own if same else (chosen,)})
