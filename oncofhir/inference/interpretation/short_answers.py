"""Answers that hold the bare value alone ("2", "IIB", "both"), as CancerLLM gives them.

The question says what the value is; in a report the same characters would mean nothing.
"""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions import FINDERS, Mention
from oncofhir.schemas.finding import Kind

_ASKED = {
    Kind.CANCER_GRADE: ("grade ", "grade: ", "gleason "),
    Kind.CANCER_STAGE: ("stage ",),
}
_SIDES = {"both": "bilateral", "l": "left", "r": "right"}
_PREAMBLE = re.compile(
    r"^(?:the )?(?:patient(?:'s)? )?(?:primary )?(?:tumou?r |cancer |histolog\w+ |final )?"
    r"(?:site|location|type|histology|diagnosis|stage|grade|laterality)\s*(?:is|was|:|=)\s*",
    re.IGNORECASE,
)
_LONGEST = 40


def mentions(kind: Kind, answer: str) -> Iterator[Mention]:
    """The values in an answer, also bare ones; offsets are of no use."""
    found = list(FINDERS[kind](answer))
    bare = answer.strip(" \t\r\n.,;:'\"")
    if not found and len(bare) <= _LONGEST:
        if kind is Kind.CANCER_STAGE and bare[:1] in {"t", "n", "m"}:
            bare = bare[0].upper() + bare[1:]
        for words in _ASKED.get(kind, ()):
            found = found or list(FINDERS[kind](words + bare))
        if kind is Kind.TUMOR_LATERALITY and bare.lower() in _SIDES:
            found = [Mention(value=_SIDES[bare.lower()], start=0, end=0)]
    yield from found


def phrase(answer: str) -> str:
    """The first line without what only repeats the question ("The tumor site is …")."""
    line = next((line for line in answer.splitlines() if line.strip()), "")
    return " ".join(_PREAMBLE.sub("", line.strip(" \t.,;:'\"")).split()).strip(" .,;:'\"")
