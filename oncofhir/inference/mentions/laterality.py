"""Left, right, both, midline; a lobe of the lung names its side ("RLL"), a form has "Side: R"."""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

_PAIRED = (
    r"(?:sides|breasts|ovaries|lungs|kidneys|testes|testicles|adnexa|adrenals?(?: glands)?|lobes"
    r"|tonsils|eyes|tubes)"
)
_LABEL = r"\b(?:side|laterality) ?[:=] ?\(?"
_SIDE = re.compile(
    rf"\b(?:(?P<bilateral>bilateral(?:ly)?|both (?:the )?{_PAIRED}|right and left|left and right)"
    r"|(?P<left>left(?:[- ]sided)?|lt\b\.?)|(?P<right>right(?:[- ]sided)?|rt\b\.?)"
    r"|(?P<midline>mid-?line))(?!\w)",
    re.IGNORECASE,
)
_ORGANS = (
    r"(?:breast|kidney|lung|ovary|testis|testicle|tonsil|parotid|adrenal|bot|base of tongue|thyroid"
    r"|temporal|frontal|parietal|occipital|upper lobe|lower lobe|middle lobe)"
)
# "R breast", "(L) kidney", "breast (L)".
_LETTER = re.compile(
    rf"(?<![\w/+.,:-])(?P<bracket>\()?(?:(?P<right>(?-i:R))|(?P<left>(?-i:L)))"
    rf"(?(bracket)\)|\.?) (?={_ORGANS}\b)"
    rf"|\b{_ORGANS},? \((?:(?P<right_behind>(?-i:R))|(?P<left_behind>(?-i:L)))\)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    rf"(?:{_LABEL}(?:(?P<right>r)|(?P<left>l)|(?P<bilateral>b(?:/l)?))"
    r"|\b(?:(?P<right_lobe>r[uml]l)|(?P<left_lobe>l[ul]l)))"
    r"(?![\w/+])",
    re.IGNORECASE,
)
# "not in the left breast but in the right", "right rather than left"; "not only the left" denies nothing.
_DENIED = re.compile(
    r"\b(?:(?:not|isn't|doesn't|never)(?: (?:in|on|of|from|at|within|to|is|are|the|his|her|involve"
    r"|involving|arise|arising|originate|located|seen|found|present|identified)){0,4}"
    r"|(?:rather than|instead of)(?: (?:in|on|of|from|the)){0,2}) $",
    re.IGNORECASE,
)
_LOOK_BACK = 50
DENIED = "denied"
"""The `scheme` of a side that the words before it say the tumour is not on."""


def lateralities(text: str) -> Iterator[Mention]:
    """Every word for a side, except those that the words before them deny."""
    return (mention for mention in named_sides(text) if mention.scheme != DENIED)


def named_sides(text: str) -> Iterator[Mention]:
    """Every word for a side, with the scheme `DENIED` where the words before it deny it."""
    found = [m for pattern in (_SIDE, _SHORT, _LETTER) for m in pattern.finditer(text)]
    for match in sorted(found, key=re.Match.start):
        group = next(g for g in match.groupdict() if g != "bracket" and match[g] is not None)
        is_denied = _DENIED.search(text, max(0, match.start() - _LOOK_BACK), match.start())
        start, end = match.span(group)
        yield Mention(
            value=group.partition("_")[0],
            start=start,
            end=end,
            scheme=DENIED if is_denied else None,
        )
