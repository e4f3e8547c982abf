"""Where the report says it: offsets, the sentence around them, and how much weight the place has."""

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import islice, pairwise

from oncofhir.inference.interpretation.assertion import assertion
from oncofhir.inference.interpretation.phrase_search import Phrases
from oncofhir.inference.interpretation.prompt_injection import dictated
from oncofhir.inference.mentions import FINDERS, Mention
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.inference.prompting.retrieval import sentences
from oncofhir.schemas.finding import Evidence, Kind, Rejection
from oncofhir.schemas.report import Report, Section, SectionKind

LONGEST_QUOTE = 200
MOST_MENTIONS = 50_000
"""Of a kind; more than a megabyte of a real chart holds."""
_AUTHORITY = {
    SectionKind.SYNOPTIC: 4,
    SectionKind.FINAL_DIAGNOSIS: 4,
    SectionKind.ADDENDUM: 4,
    SectionKind.COMMENT: 3,
    SectionKind.MICROSCOPIC: 3,
    SectionKind.ASSESSMENT: 3,
    SectionKind.LABORATORY: 2,
    SectionKind.IMAGING: 2,
    SectionKind.GROSS: 1,
    SectionKind.INTRAOPERATIVE: 1,
    SectionKind.CLINICAL_HISTORY: 0,
    SectionKind.FAMILY_HISTORY: -1,
}
_ELSEWHERE = 2


class Reading:
    """A report with what is looked up in it again and again: mentions by kind, sentences."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._mentions: dict[Kind, tuple[Mention, ...]] = {}
        self._asserted: dict[tuple[int, int, frozenset[Rejection]], Rejection | None] = {}

    @property
    def text(self) -> str:
        return self.report.text

    def mentions(self, kind: Kind) -> tuple[Mention, ...]:
        """The mentions of a kind, the first `MOST_MENTIONS` of a text that repeats them without end."""
        if kind not in self._mentions:
            self._mentions[kind] = tuple(islice(FINDERS[kind](self.text), MOST_MENTIONS))
        return self._mentions[kind]

    @cached_property
    def malignancies(self) -> list[tuple[int, int]]:
        """Every word for a malignancy, affirmed or not, in text order."""
        return [match.span() for match in MALIGNANCY.finditer(self.text)]

    def malignancies_within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The words for a malignancy that lie in a stretch as a whole."""
        found = self.malignancies
        first = bisect_left(found, (start, start))
        return [place for place in found[first : bisect_left(found, (end, end))] if place[1] <= end]

    @cached_property
    def _sentences(self) -> tuple[list[int], list[tuple[int, int]]]:
        spans = list(sentences(self.text))
        return [start for start, _ in spans], spans

    def sentence_at(self, start: int, end: int) -> tuple[int, int]:
        """The sentence around a mention, cut to `LONGEST_QUOTE`; at least the mention itself."""
        starts, spans = self._sentences
        index = bisect_right(starts, start) - 1
        first, last = spans[index] if index >= 0 else (start, end)
        last = max(last, end)
        room = max(0, LONGEST_QUOTE - (end - start)) // 2
        first, last = max(first, start - room), min(last, end + room)
        while first > 0 and first < start and self.text[first - 1].isalnum():
            first += 1
        while last < len(self.text) and last > end and self.text[last].isalnum():
            last -= 1
        stretch = self.text[first:last]
        return first + len(stretch) - len(stretch.lstrip()), first + len(stretch.rstrip())

    def authority(self, start: int) -> int:
        """How much the place counts: final diagnosis over gross description over history."""
        section = self.section_at(start)
        return _ELSEWHERE if section is None else _AUTHORITY.get(section.kind, _ELSEWHERE)

    def section_at(self, offset: int) -> Section | None:
        """As the report's, without a walk through all sections for each of many mentions."""
        starts, apart = self._section_starts
        if not apart:
            return self.report.section_at(offset)
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return None
        section = self.report.sections[index]
        return section if offset < section.end else None

    @cached_property
    def _section_starts(self) -> tuple[list[int], bool]:
        """Where sections begin, and whether they follow one another without overlap."""
        sections = self.report.sections
        apart = all(one.end <= other.start for one, other in pairwise(sections))
        return [section.start for section in sections], apart

    def assertion(
        self, start: int, end: int, ignore: frozenset[Rejection] = frozenset()
    ) -> Rejection | None:
        """Why a mention is no current finding, None when it is affirmed.

        What an order to a model dictates is hypothetical.
        """
        asked = (start, end, ignore)
        if asked not in self._asserted:
            self._asserted[asked] = self._assertion(start, end, ignore)
        return self._asserted[asked]

    def _assertion(self, start: int, end: int, ignore: frozenset[Rejection]) -> Rejection | None:
        starts, stretches = self._orders
        order = bisect_right(starts, start) - 1
        if order >= 0 and start < stretches[order][1]:
            return Rejection.HYPOTHETICAL
        return assertion(self.text, start, end, self.section_at(start), ignore=ignore)

    @cached_property
    def _orders(self) -> tuple[list[int], list[tuple[int, int]]]:
        stretches = dictated(self.text, [section.start for section in self.report.sections])
        return [start for start, _ in stretches], stretches

    def quote(self, start: int, end: int) -> Evidence | None:
        """The evidence for a mention: its sentence, within its segment; None where it is in no single one."""
        segment = self.report.locate(start)
        if segment is None or end > segment.end:
            return None
        first, last = self.sentence_at(start, end)
        first, last = max(first, segment.start), min(last, segment.end)
        return Evidence(
            start=first,
            end=last,
            text=self.text[first:last],
            path=segment.path,
            attachment_start=segment.attachment_start + first - segment.start,
        )

    def part(self, start: int) -> str | None:
        """The specimen part of a place, when the report has several."""
        part = self.report.part_at(start) if len(self.report.parts) > 1 else None
        return part.label if part else None

    def places(self, phrase: str) -> list[tuple[int, int]]:
        """Where a phrase stands verbatim, else where its words stand together (`Phrases`)."""
        return self._phrases.verbatim(phrase) or self._phrases.near(phrase)

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.text)
