"""A report's text as blocks of HTML: one per section, with the evidence of findings marked and linked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup

from oncofhir.review.web.visible_text import visible

MAX_BLOCK = 20_000
"""Longest block in code points: browsers lay out only the blocks in view."""


@dataclass(frozen=True)
class Mark:
    """A stretch of the text to mark (code points, end exclusive), and the anchors of its findings.

    `kind` is its CSS class: evidence, lesion, rejected or title. `labels` are shown as links, one for each
    anchor.
    """

    start: int
    end: int
    kind: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Block:
    """A stretch of the text as HTML. `title` is that of a section that begins here without its own words."""

    html: Markup
    start: int
    title: str | None = None
    ends: int = field(default=0)


def blocks(
    text: str, sections: Sequence[tuple[int, str]], marks: Sequence[Mark]
) -> Iterator[Block]:
    """Yield the whole text. `sections` are the start and title of each; marks may overlap."""
    titles: dict[int, str] = {}
    for start, title in sections:
        if 0 <= start < len(text):
            titles.setdefault(start, title)
    headings = [_heading(text, start, title) for start, title in titles.items()]
    known = [m for m in (*marks, *headings) if 0 <= m.start < m.end <= len(text)]
    known.sort(key=lambda mark: (mark.start, -mark.end))
    first = 0
    for start, end in _stretches(text, sorted(titles)):
        while first < len(known) and known[first].end <= start:
            first += 1
        within = _overlapping(known, first, start, end)
        html = Markup().join(_pieces(text, start, end, within))
        heading = titles.get(start)
        if heading is not None and text.startswith(heading, start):
            heading = None
        yield Block(html=html, start=start, title=heading, ends=end)


def _heading(text: str, start: int, title: str) -> Mark:
    """The words of a section's heading; nothing where the report words it otherwise."""
    return Mark(start, start + len(title) if text.startswith(title, start) else start, "title")


def _stretches(text: str, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut the text at section starts, and long sections at line breaks."""
    cuts = sorted({0, *starts, len(text)})
    for begin, end in pairwise(cuts):
        at = begin
        while end - at > MAX_BLOCK:
            line = text.rfind("\n", at, at + MAX_BLOCK) + 1
            cut = line if line > at else at + MAX_BLOCK
            yield at, cut
            at = cut
        yield at, end


def _overlapping(marks: Sequence[Mark], first: int, start: int, end: int) -> list[Mark]:
    found = []
    for mark in marks[first:]:
        if mark.start >= end:
            break
        if mark.end > start:
            found.append(mark)
    return found


def _pieces(text: str, start: int, end: int, marks: Sequence[Mark]) -> Iterator[Markup]:
    edges = {start, end}
    for mark in marks:
        edges.update((max(mark.start, start), min(mark.end, end)))
    cuts = sorted(edges)
    for begin, stop in pairwise(cuts):
        holding = [m for m in marks if m.start <= begin and stop <= m.end]
        html = visible(text[begin:stop], begin)
        if not holding:
            yield html
            continue
        kinds = " ".join(sorted({m.kind for m in holding}))
        if kinds == "title":
            yield Markup("<b>{}</b>").format(html)
            continue
        anchors = " ".join(dict.fromkeys(anchor for m in holding for anchor, _ in m.labels))
        ended = [label for m in holding if m.end == stop for label in m.labels]
        yield Markup('<mark class="{}" data-findings="{}">{}{}</mark>').format(
            kinds, anchors, html, _links(ended)
        )


def _links(labels: Sequence[tuple[str, str]]) -> Markup:
    return Markup().join(
        Markup('<a class="to-finding" href="#{}" aria-label="to finding {}">{}</a>').format(
            anchor, label, label
        )
        for anchor, label in dict.fromkeys(labels)
    )
