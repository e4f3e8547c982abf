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
_SHORT = re.compile(
    rf"(?:{_LABEL}(?:(?P<right>r)|(?P<left>l)|(?P<bilateral>b(?:/l)?))|\b(?:(?P<right_lobe>r[uml]l)|(?P<left_lobe>l[ul]l)))"
    r"(?![\w/+])",
    re.IGNORECASE,
)


def lateralities(text: str) -> Iterator[Mention]:
    """Every word for a side."""
    found = sorted((*_SIDE.finditer(text), *_SHORT.finditer(text)), key=re.Match.start)
    for match in found:
        group = str(match.lastgroup)
        yield Mention(
            value=group.removesuffix("_lobe"), start=match.start(group), end=match.end(group)
        )
