"""Left, right, both, midline."""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

_PAIRED = (
    r"(?:sides|breasts|ovaries|lungs|kidneys|testes|testicles|adnexa|adrenals?(?: glands)?|lobes"
    r"|tonsils|eyes|tubes)"
)
_SIDE = re.compile(
    rf"\b(?:(?P<bilateral>bilateral(?:ly)?|both (?:the )?{_PAIRED}|right and left|left and right)"
    r"|(?P<left>left(?:[- ]sided)?|lt\b\.?)|(?P<right>right(?:[- ]sided)?|rt\b\.?)"
    r"|(?P<midline>mid-?line))(?!\w)",
    re.IGNORECASE,
)


def lateralities(text: str) -> Iterator[Mention]:
    """Every word for a side."""
    for match in _SIDE.finditer(text):
        yield Mention(value=str(match.lastgroup), start=match.start(), end=match.end())
