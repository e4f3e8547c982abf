"""What the cells of a table say, read with their column's header."""

import re
from collections.abc import Iterator, Sequence

from oncofhir.inference.mentions import FINDERS
from oncofhir.inference.mentions.mention import Mention
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.structure import TableCell

_HEADERS = {
    Kind.TUMOR_SIZE: re.compile(r"size|diameter|dimension"),
    Kind.CANCER_GRADE: re.compile(r"grade"),
    Kind.TUMOR_LATERALITY: re.compile(r"side|laterality|site|location|specimen|part"),
    Kind.CANCER_STAGE: re.compile(r"^p?[tnm]$|stage"),
    Kind.HORMONE_RECEPTOR: re.compile(r"^(?:er|pg?r|her-?2.*|.*receptor)$"),
}
_UNIT = re.compile(r"\((mm|cm)\)")
_BARE = re.compile(r"[\d.,]+")


def cell_mentions(kind: Kind, text: str, cells: Sequence[TableCell]) -> Iterator[Mention]:
    """The mentions of a kind in the cells under its headers; each stands at its cell."""
    header = _HEADERS[kind]
    for cell in cells:
        if header.search(cell.header):
            for mention in FINDERS[kind](_sentence(kind, text[cell.start : cell.end], cell.header)):
                yield mention.model_copy(update={"start": cell.start, "end": cell.end})


def _sentence(kind: Kind, words: str, header: str) -> str:
    """The cell as a sentence would say it."""
    said = words.strip()
    if kind is Kind.TUMOR_SIZE:
        unit = _UNIT.search(header)
        return f"{said} {unit[1]}" if unit and _BARE.fullmatch(said) else said
    if kind is Kind.CANCER_GRADE:
        return said if "grade" in said.lower() else f"grade {said.removeprefix('G')}"
    if kind is Kind.HORMONE_RECEPTOR:
        return f"{header}: {said}"
    if kind is Kind.CANCER_STAGE:
        if header == "stage":
            return said if "stage" in said.lower() else f"stage {said}"
        return (
            said if said[:1].lower() in "ptnmcy" else f"p{header.removeprefix('p').upper()}{said}"
        )
    return said
