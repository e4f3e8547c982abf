"""Changes values in a text: a report that says 2.5 cm says 3.9 cm afterwards, and that is then the answer.

A value is changed wherever the text says it (found as the pipeline finds it). The change counts only if the
text then says the new value and no longer the old one; else the text stays and the label is not scored.
"""

import random
import re
from collections.abc import Callable, Iterator

from oncofhir.evaluation.calibration.observed import kind_of
from oncofhir.evaluation.dataset import Gold, Item, Phenotype
from oncofhir.evaluation.scoring.matching import exact, millimetres, normal
from oncofhir.inference.mentions import FINDERS, Mention

_MM_PER_CM = 10
_NUMBERS = re.compile(r"\d+(?:[.,] ?\d+)?")
_WORDS = {"1": "well", "2": "moderately", "3": "poorly"}
_ROMAN = {"1": "I", "2": "II", "3": "III"}
_OTHER_STATUS = {"positive": "negative", "negative": "positive"}
_POSITIVE = re.compile(r"\b(?:positive|pos|negative|neg)\b", re.IGNORECASE)


def changed_values(
    chance: random.Random, text: str, gold: Gold, rate: float
) -> tuple[str, dict[Item, str | None]]:
    """The text after the changes, and the new values of those labels alone."""
    after: dict[Item, str | None] = {}
    for item, value in gold.items():
        rule = _RULES.get(item.phenotype)
        if value is None or rule is None or chance.random() >= rate:
            continue
        other = _other(chance, item, value)
        candidate = None if other is None else _replaced(text, item, value, other, rule)
        if candidate is not None and _holds(candidate, item, value, other, after):
            text = candidate
            after[item] = other
    return text, after


def _holds(
    text: str, item: Item, old: str, new: str | None, earlier: dict[Item, str | None]
) -> bool:
    """Whether the text says all new values, and the old one no longer."""
    wanted = {**earlier, item: new}
    says_new = all(v and any(_mentions(text, i, v)) for i, v in wanted.items())
    return says_new and not any(_mentions(text, item, old))


def _mentions(text: str, item: Item, value: str) -> Iterator[Mention]:
    for mention in FINDERS[kind_of(item)](text):
        said = f"{mention.number:g} mm" if mention.number is not None else mention.value
        if mention.slot == item.slot and exact(item, value, said):
            yield mention


def _other(chance: random.Random, item: Item, value: str) -> str | None:
    """Another value of the item; None where there is no other that a text could simply say."""
    match item.phenotype:
        case Phenotype.SIZE:
            size = millimetres(value)
            return None if size is None else f"{size + chance.choice([7, 13, 21]):g} mm"
        case Phenotype.LATERALITY:
            return {"left": "right", "right": "left"}.get(value)
        case Phenotype.GRADE:
            others = [g for g in _WORDS if g != normal(item, value)]
            return chance.choice(others) if normal(item, value) in _WORDS else None
        case Phenotype.RECEPTORS:
            return _OTHER_STATUS.get(value)
        case Phenotype.STAGE:
            return _other_stage(chance, item, value)
        case _:
            return None


def _other_stage(chance: random.Random, item: Item, value: str) -> str | None:
    """Another number of the same letter, its suffix dropped."""
    found = re.fullmatch(r"([a-z]*[TN])([0-4]).*", value)
    if item.slot not in {"t", "n"} or found is None:
        return None
    most = {"t": "1234", "n": "0123"}[item.slot]
    return found[1] + chance.choice([number for number in most if number != found[2]])


def _replaced(
    text: str, item: Item, old: str, new: str, rule: Callable[[str, str, str], str]
) -> str | None:
    """Every mention of the old value rewritten; None when there is none."""
    spans = {(m.start, m.end) for m in _mentions(text, item, old)}
    if not spans:
        return None
    beyond = len(text)
    for start, end in sorted(spans, reverse=True):
        if end <= beyond:
            text = text[:start] + rule(text[start:end], old, new) + text[end:]
            beyond = start
    return text


def _size(said: str, old: str, new: str) -> str:
    """The number that is the old size, in its original unit."""
    before, after = millimetres(old) or 0.0, millimetres(new) or 0.0

    def other(match: re.Match[str]) -> str:
        number = float(match[0].replace(",", ".").replace(" ", ""))
        for factor in (1, _MM_PER_CM):
            if abs(number * factor - before) < 1e-6:  # noqa: PLR2004 - equal but for rounding
                return f"{after / factor:g}"
        return match[0]

    return _NUMBERS.sub(other, said)


def _side(said: str, _old: str, new: str) -> str:
    return new.upper() if said.isupper() else new.capitalize() if said.istitle() else new


def _grade(said: str, old: str, new: str) -> str:
    words = r"\b(?:well|moderate(?:ly)?|poor(?:ly)?)\b(?=.{0,6}differentiat)"
    said = re.sub(words, _WORDS[new], said, flags=re.IGNORECASE)
    said = re.sub(rf"(?<!/)(?<!/ )\b{_ROMAN[old]}\b", _ROMAN[new], said)
    return re.sub(rf"(?<![\d/])(?<!/ ){old}(?!\d)", new, said)


def _status(said: str, _old: str, new: str) -> str:
    return _POSITIVE.sub(lambda m: new.upper() if m[0].isupper() else new, said)


def _stage(said: str, _old: str, new: str) -> str:
    """The original prefix, then the new letter and number."""
    prefix = re.match(r"[a-z ]*?(?=[tn] ?[\dox])", said, re.IGNORECASE)
    letter = re.sub(r"^[a-z]*", "", new)
    return (prefix[0] if prefix else "") + letter


_RULES: dict[Phenotype, Callable[[str, str, str], str]] = {
    Phenotype.SIZE: _size,
    Phenotype.LATERALITY: _side,
    Phenotype.GRADE: _grade,
    Phenotype.RECEPTORS: _status,
    Phenotype.STAGE: _stage,
}
