"""Specimen parts ("A. BREAST, LEFT, MASTECTOMY:", "Specimen #2 - Kidney"): what findings belong to.

A part comes again in each section that speaks of it, under the same label. A numbered list is one of parts
only when most of its items name what was taken; outside the sections of a pathology report, where lists
of procedures, problems and plans name organs too, they must also have a text of their own behind a title.
"""

import re
from dataclasses import dataclass

from oncofhir.schemas.report import Part, Section, SectionKind

_WITH_PARTS = frozenset(
    {
        SectionKind.FINAL_DIAGNOSIS,
        SectionKind.SPECIMEN,
        SectionKind.GROSS,
        SectionKind.MICROSCOPIC,
        SectionKind.SYNOPTIC,
        SectionKind.INTRAOPERATIVE,
    }
)
_LABEL = re.compile(
    r"(?:^[ \t>*\-]{0,40}|(?<=[.:;\])}\-])[ \t]{1,8}|(?<=\s)(?=[A-Z]: ))"
    r"(?P<word>(?P<noun>PART|SPECIMEN|TEIL)(?:[ \t]{1,4}(?:#|NO\.?|NR\.?)?|#)[ \t]{0,2})?"
    r"(?P<open>[(#])?"
    r"(?P<label>[A-Z]|[1-9]\d?)"
    r"(?(word)[ \t]{0,4}(?:(?:\)\.|\.\)|[.):;]|[-\u2013\u2014])|(?=\()|$)[ \t]{0,8}\n?"
    r"|(?P<mark>\)\.|\.\)|\.|\)|:|(?<=#\d)(?=[ \t])))"
    r"(?=[ \t]{0,8}[\"“'\[(]?[A-Za-z])",
    re.MULTILINE | re.IGNORECASE,
)
# A list begins with A or 1: where none stands as a label does, nothing else need be looked for. These find
# more than `_LABEL` does, and quicker: they begin with few characters or with a word.
_FIRST = re.compile(r"[Aa1](?<![0-9A-Za-z].)[.):]{1,2}[ \t]{0,8}[\"“'\[(]?[A-Za-z]")
_FIRST_NAMED = tuple(
    re.compile(rf"{noun}(?:[ \t]{{1,4}}(?:#|no\.?|nr\.?)?|#)[ \t]{{0,2}}[(#]?[a1](?![a-z0-9])")
    for noun in ("part", "specimen", "teil")
)
_FIRST_COUNTED = re.compile(r"#[ \t]{0,2}1(?!\d)")
_TITLE_END = re.compile(r"[:;\n]|\.(?=\s|$)|[ \t]-+(?=\s)|-(?=\s*$)")
_LONGEST_TITLE = 160
_MAX_GAP = 3  # labels that OCR may have lost in a row
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
# What the title of a specimen part names: a procedure, or what was taken.
_SPECIMEN_WORDS = re.compile(
    r"biops|excis|resect|ectomy|otomy|ostomy|core|aspirat|curett|brush|wash|node|margin|contents|tissue|lump\b|mass\b"
    r"|specimen|lobe|breast|skin|lung|colon|rectum|rectal|kidney|renal|prostat|bladder|uter|ovar|cervi[xc]|endometri"
    r"|fallopian|tube|liver|hepat|gallbladder|pancrea|stomach|gastr|esophag|duoden|ileum|cecum|append|bowel"
    r"|omentum|thyroid|larynx|tongue|tonsil|neck|brain|cerebr|front|tempor|pariet|mening|bone|femur"
    r"|soft tissue|thigh|spleen|adrenal|testi|pleura|lymph|axill|sentinel|ureter|urethra|vulva|vagina|penis"
    r"|nipple|flap|received|labeled|labelled",
    re.IGNORECASE,
)
_DIAGNOSTIC_WORDS = re.compile(
    r"carcinoma|sarcoma|melanoma|lymphoma|grade|score|stage|invasion|margins? are", re.IGNORECASE
)


@dataclass(frozen=True)
class _Label:
    """A label where it stands. `style` is what labels of one list share."""

    start: int
    style: str
    label: str
    rank: int
    title: str
    is_called_specimen: bool = False
    has_body: bool = False

    @property
    def names_specimen(self) -> bool:
        if self.is_called_specimen:
            return True
        return bool(_SPECIMEN_WORDS.search(self.title)) and not _DIAGNOSTIC_WORDS.search(self.title)

    def is_part(self, *, in_section: bool) -> bool:
        """Whether the label opens a part; a numbered item outside sections needs a title and a body."""
        if in_section or not self.style.endswith("number") or self.style.startswith("word"):
            return self.names_specimen
        return self.names_specimen and self.has_body and not _YEAR.search(self.title)


def parts(text: str, sections: tuple[Section, ...]) -> tuple[Part, ...]:
    """The parts of a report in reading order; none when it speaks of fewer than two."""
    found: list[Part] = []
    last: tuple[SectionKind | None, Part] | None = None
    for kind, start, end in _regions(text, sections):
        continued = last is not None and last[0] is kind
        before = last[1] if last is not None and continued else None
        labels = _sequence(text, start, end, before, in_section=kind is not None)
        if before is not None and (not labels or labels[0].rank > _rank(before.label)):
            first = labels[0].start if labels else end
            found.append(Part(label=before.label, title=before.title, start=start, end=first))
        ends = [*(label.start for label in labels[1:]), end][: len(labels)]
        new = [
            Part(label=label.label, title=label.title, start=label.start, end=stop)
            for label, stop in zip(labels, ends, strict=True)
        ]
        found += new
        if new:
            last = (kind, new[-1])
        elif not continued:
            last = None
    return tuple(found) if len({part.label for part in found}) > 1 else ()


def _regions(text: str, sections: tuple[Section, ...]) -> list[tuple[SectionKind | None, int, int]]:
    """Where parts may stand: the bodies of some sections, and what stands before the first."""
    bodies: list[tuple[SectionKind | None, int, int]] = [
        (section.kind, section.start + len(section.title), section.end)
        for section in sections
        if section.kind in _WITH_PARTS
    ]
    first = sections[0].start if sections else len(text)
    return [(None, 0, first), *bodies] if first else bodies


def _sequence(
    text: str, start: int, end: int, before: Part | None, *, in_section: bool
) -> list[_Label]:
    """The labels of one list: of one style, rising, and most of them naming a specimen."""
    if before is None and not _may_begin(text, start, end):
        return []
    matches = list(_LABEL.finditer(text, start, end))
    ends = [match.start() for match in matches[1:]] + [end]
    candidates = [
        _label(text, match, stop) for match, stop in zip(matches, ends[: len(matches)], strict=True)
    ]
    worded = [label for label in candidates if label.style.startswith("word")]
    for style in dict.fromkeys(label.style for label in worded or candidates):
        chosen: list[_Label] = []
        rank = _rank(before.label) if before is not None else 0
        for label in candidates:
            first = not chosen
            if label.style != style or not rank < label.rank <= rank + _MAX_GAP:
                continue
            if first and before is None and label.rank != 1:
                break
            chosen.append(label)
            rank = label.rank
        naming = sum(label.is_part(in_section=in_section) for label in chosen)
        if chosen and naming * 2 > len(chosen):
            return chosen
    return []


def _may_begin(text: str, start: int, end: int) -> bool:
    if _FIRST.search(text, start, end) or _FIRST_COUNTED.search(text, start, end):
        return True
    lowered = text[start:end].lower()
    return any(pattern.search(lowered) for pattern in _FIRST_NAMED)


def _label(text: str, match: re.Match[str], end: int) -> _Label:
    name = match["label"].upper()
    rest = text[match.end() : min(end, match.end() + _LONGEST_TITLE)]
    title_end = _TITLE_END.search(rest.lstrip())
    title = rest.lstrip()[: title_end.start()] if title_end else rest.lstrip()
    if title.startswith("(") and title.endswith(")"):
        title = title[1:-1]
    ended = title_end is not None and not title_end.group().startswith(".")
    body = rest.lstrip()[title_end.end() :] if title_end is not None else ""
    noun = (match["noun"] or "").upper()
    kind = "number" if name.isdigit() else "letter"
    mark = match["open"] or (match["mark"] if match["mark"] in {":", ")."} else ".")
    style = f"word {kind}" if match["word"] else f"{mark} {kind}"
    return _Label(
        start=match.start(next(name for name in ("word", "open", "label") if match[name])),
        style=style,
        label=name,
        rank=_rank(name),
        title=title.strip(" \t\"“”'"),
        is_called_specimen=noun == "SPECIMEN"
        or (noun != "" and _SPECIMEN_WORDS.search(title) is not None),
        has_body=ended and bool(body.strip(" \t\n-:;")),
    )


def _rank(label: str) -> int:
    return int(label) if label.isdigit() else ord(label) - ord("A") + 1
