"""Whether a grade or a stage is one of a tumour, or of another thing: a toxicity, kidney disease, dysplasia.

The word that stands closest decides: first what directly follows ("grade 2 neuropathy"), then what the clause
names last before it ("chronic kidney disease stage 3"). The words are in `another_thing.toml`.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files

from oncofhir.inference.mentions.malignancy import NEOPLASM
from oncofhir.terminology.lowered import any_of, lowered

_BEFORE = 70
_AFTER = 45
_BREAK = re.compile(r"[;\n]|[.](?=\s|$)")
_FOLLOWS_BREAK = re.compile(r"[,;:.\n]|\band\b|\bwith\b")
_TUMOR_WORD = re.compile(
    rf"{NEOPLASM.pattern}|\b(?:tumou?rs?|neoplas\w+|cancers?|malignan\w+|nottingham|histologic(?:al)?|differentiat\w+)\b"
)


@cache
def _pattern() -> re.Pattern[str]:
    text = files("oncofhir.inference.mentions").joinpath("another_thing.toml").read_text("utf-8")
    data = tomllib.loads(text)
    excluded = "|".join(data["not_endings"])
    endings = "|".join(data["endings"])
    return re.compile(
        rf"\b(?:(?!(?:{excluded})\b)[a-z]*(?:{endings})|(?:{any_of(data['words'])}))(?![a-z])"
    )


def is_of_another_thing(text: str, start: int, end: int) -> bool:
    """Whether the grade or stage at these offsets is another thing's."""
    after = lowered(text[end : end + _AFTER])
    stop = _FOLLOWS_BREAK.search(after.lstrip(" )"))
    followed = after.lstrip(" )")[: stop.start()] if stop else after.lstrip(" )")
    other, tumor = _pattern().search(followed), _TUMOR_WORD.search(followed)
    if other or tumor:
        return other is not None and (tumor is None or other.start() < tumor.start())
    inside = lowered(text[start:end])
    if _pattern().search(inside):
        return True
    before = lowered(text[max(0, start - _BEFORE) : start])
    breaks = list(_BREAK.finditer(before))
    clause = before[breaks[-1].end() :] if breaks else before
    last_other = max((m.end() for m in _pattern().finditer(clause)), default=-1)
    last_tumor = max((m.end() for m in _TUMOR_WORD.finditer(clause)), default=-1)
    return last_other > last_tumor
