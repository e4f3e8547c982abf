"""Section headings of pathology reports and clinical notes, also in text that lost its line breaks."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from oncofhir.schemas.report import Section, SectionKind

# Where a heading may begin: on a new line behind list marks, or, as OCR leaves it, behind the end of a
# sentence or of another heading on the same line. Each form begins with one character of few, which the
# regular expressions find without trying the rest; behind three blanks is rare, and looked for by itself.
# All repetitions are bounded: the text is another party's, and each start costs a constant.
_BEFORE = (
    r"[\n.:;,\]})/?!#|\t](?="
    r"(?:(?<=\n)[ \t>*#_|•\-]{0,40}(?:\d{1,2}[.)][ \t]{0,4})?"
    r"|(?<=[.:;,\]})/?!])[ \t]{0,4}(?:-[ \t]{0,4})?"
    r"|(?<=[#|\t])[ \t]?(?::[ \t]?)?)"
)
_BEHIND_BLANKS = r"(?<=[ \t]{2})[ \t](?="
_CONTINUED = r"(?:[ \t]{0,4}[(\[]?(?:continued|cont'?d|cont\.|contd)[)\]]?)?"
_QUALIFIED = r"(?:[ \t]{0,4}\((?:[^()\n]{1,40})\))?"
_NUMBER = r"(?P<number>[ \t]{0,4}#?[ \t]?\d{1,2})?"
# Kinds whose headings may end with a full stop; "EXAMINATION." or "PLAN." more often ends a sentence.
_ENDED_BY_STOP = frozenset(SectionKind) - {
    SectionKind.OBJECTIVE,
    SectionKind.LABORATORY,
    SectionKind.IMAGING,
    SectionKind.ASSESSMENT,
    SectionKind.REVIEW_OF_SYSTEMS,
}
# In a synoptic report these are items of its list ("Procedure: Total mastectomy").
_SYNOPTIC_ITEMS = frozenset({SectionKind.OTHER, SectionKind.SPECIMEN})
# How it ends: with a colon; in capitals also with a full stop or a dash; or with its line.
_AFTER = (
    r"(?:[ \t*_]{0,8}(?P<colon>:)"
    r"|[ \t]{0,4}(?P<stop>[.\-\u2013\u2014]{1,3}(?=\s|$))"
    r"|[ \t*_:]{0,8}(?P<line>$))"
)
_MARKS = 40  # characters of list marks and indentation before a heading on its own line


@cache
def _headings() -> dict[str, SectionKind]:
    data = tomllib.loads(
        files("oncofhir.fhir.intake").joinpath("headings.toml").read_text(encoding="utf-8")
    )
    return {name: SectionKind(kind) for kind, names in data["headings"].items() for name in names}


@cache
def _pattern(before: str) -> re.Pattern[str]:
    name = rf"(?P<name>{_alternatives(sorted(_headings(), key=len, reverse=True))})"
    title = rf"(?P<title>{name}{_NUMBER}{_CONTINUED}{_QUALIFIED}{_CONTINUED})"
    return re.compile(rf"{before}(?P<heading>{title}{_AFTER}))", re.IGNORECASE | re.MULTILINE)


def _candidates(text: str) -> Iterator[re.Match[str]]:
    """What has a heading's words and place, in order; matched in the text behind a line break."""
    found = list(_pattern(_BEFORE).finditer(text))
    if "   " in text or "\t" in text:
        found += _pattern(_BEHIND_BLANKS).finditer(text)
        found.sort(key=lambda match: match.start("heading"))
    end = 0
    for match in found:
        if match.start("heading") >= end:
            end = match.end("heading")
            yield match


def _alternatives(names: Sequence[str]) -> str:
    """A pattern of all names' spellings, the first of them that fits first.

    Grouped by their first two characters, so that a place where none begins costs a few comparisons and
    not one for each name; what is grouped excludes each other, so the order stays.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for name in names:
        groups.setdefault(name[0], {}).setdefault(name[:2], []).append(name)
    letters = "".join(map(re.escape, groups))
    firsts = "|".join(
        f"(?={re.escape(first)})(?:{'|'.join(_after_two(*two) for two in by_two.items())})"
        for first, by_two in groups.items()
    )
    return f"(?=[{letters}])(?:{firsts})"


def _after_two(start: str, names: Sequence[str]) -> str:
    spellings = "|".join(map(_spelling, names))
    return f"(?={re.escape(start)})(?:{spellings})" if start.isalpha() else f"(?:{spellings})"


def _spelling(name: str) -> str:
    return r"[ \t\-]{0,3}".join(map(re.escape, re.split(r"[ \-]", name)))


def sections(text: str) -> tuple[Section, ...]:
    """The sections of a report, in order, each from its heading to the next.

    What stands before the first heading belongs to none. A heading that comes again opens another section
    of its kind.
    """
    marks: list[tuple[int, str, SectionKind]] = []
    for match in _candidates("\n" + text):
        kind = _kinds()[_bare(match["name"])]
        listed = (
            bool(marks)
            and marks[-1][2] is SectionKind.SYNOPTIC
            and kind in _SYNOPTIC_ITEMS
            and not _line_before(match).strip()
        )
        if _is_heading(match) and not listed and not _is_part_label(match, kind):
            marks.append((match.start("title") - 1, match["title"].strip(), kind))
    ends = [*(start for start, _, _ in marks[1:]), len(text)][: len(marks)]
    return tuple(
        Section(kind=kind, title=title, start=start, end=end)
        for (start, title, kind), end in zip(marks, ends, strict=True)
    )


def _is_heading(match: re.Match[str]) -> bool:
    """Whether it is a heading and not running text, which has the same words.

    A heading begins with a capital; without a colon or a line of its own it is in capitals throughout.
    """
    name = match["name"]
    if match["stop"] is not None:
        return name.isupper() and len(name) > 3 and _kinds()[_bare(name)] in _ENDED_BY_STOP  # noqa: PLR2004
    line = _line_before(match)
    if match["line"] is not None:
        return name[0].isupper() and not line.strip(" \t>*#_|•-0123456789.)")
    return name[0].isupper() or not line


def _is_part_label(match: re.Match[str], kind: SectionKind) -> bool:
    """A "Specimen 1:" is a part of a report, not a section (see `parts`)."""
    return kind is SectionKind.SPECIMEN and match["number"] is not None


def _line_before(match: re.Match[str]) -> str:
    """What stands on the same line before the heading, as far as it could be list marks."""
    start = match.start("title")
    return match.string[max(0, start - _MARKS) : start].rpartition("\n")[2]


@cache
def _kinds() -> dict[str, SectionKind]:
    return {_bare(name): kind for name, kind in _headings().items()}


def _bare(name: str) -> str:
    """A heading without what its spellings differ in: case, blanks and hyphens."""
    return re.sub(r"[ \t\-]", "", name.lower())
