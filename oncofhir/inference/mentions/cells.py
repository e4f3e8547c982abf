"""What the cells of a table say, read with their column's header."""

import re
from collections.abc import Iterator, Sequence

from oncofhir.inference.mentions import FINDERS
from oncofhir.inference.mentions.malignancy import malignancies
from oncofhir.inference.mentions.mention import Mention
from oncofhir.inference.mentions.neoplasm import benign
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.structure import TableCell

_HEADERS = {
    Kind.TUMOR_SIZE: re.compile(r"size|diameter|dimension"),
    Kind.CANCER_GRADE: re.compile(r"grade|gleason"),
    Kind.TUMOR_LATERALITY: re.compile(r"side|laterality|site|location|specimen|part"),
    Kind.CANCER_STAGE: re.compile(r"^p?[tnm]$|stage"),
    Kind.HORMONE_RECEPTOR: re.compile(r"^(?:er|pg?r|her-?2.*|.*receptor)$"),
}
_DIAGNOSIS = re.compile(r"diagnosis|type|histology")
_UNIT = re.compile(r"\((mm|cm)\)")
_BARE = re.compile(r"[\d.,]+")


def cell_mentions(kind: Kind, text: str, cells: Sequence[TableCell]) -> Iterator[Mention]:
    """The mentions of a kind in the cells under its headers; each stands at its cell."""
    header = _HEADERS[kind]
    others = _lines_of_other_things(text, cells)
    for cell in cells:
        if header.search(cell.header) and text.rfind("\n", 0, cell.start) not in others:
            for mention in FINDERS[kind](_sentence(kind, text[cell.start : cell.end], cell.header)):
                yield mention.model_copy(update={"start": cell.start, "end": cell.end})


def _lines_of_other_things(text: str, cells: Sequence[TableCell]) -> set[int]:
    """The lines whose cell for the diagnosis names something benign and no malignancy."""
    return {
        text.rfind("\n", 0, cell.start)
        for cell in cells
        if _DIAGNOSIS.search(cell.header)
        and next(malignancies(text[cell.start : cell.end]), None) is None
        and next(benign(text[cell.start : cell.end]), None) is not None
    }


def _sentence(kind: Kind, words: str, header: str) -> str:
    """The cell as a sentence would say it."""
    said = words.strip()
    if kind is Kind.TUMOR_SIZE:
        unit = _UNIT.search(header)
        return f"{said} {unit[1]}" if unit and _BARE.fullmatch(said) else said
    if kind is Kind.CANCER_GRADE:
        word = "Gleason" if "gleason" in header else "grade"
        return said if word.lower() in said.lower() else f"{word} {said.removeprefix('G')}"
    if kind is Kind.HORMONE_RECEPTOR:
        return f"{header}: {said}"
    return _stage(said, header) if kind is Kind.CANCER_STAGE else said


def _stage(said: str, header: str) -> str:
    if header == "stage":
        return said if "stage" in said.lower() else f"stage {said}"
    return said if said[:1].lower() in "ptnmcy" else f"p{header.removeprefix('p').upper()}{said}"
