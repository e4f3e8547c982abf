"""A report as readers look things up in it: mentions with their context, sentences, sections, quotes.

Readers see the readable text (`inference/structure`); quotes are the report's own text at the same offsets.
"""

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import islice, pairwise

from oncofhir.inference.context import ContextIndex
from oncofhir.inference.context.sections import causes_by_kind
from oncofhir.inference.context.trigger_data import Cause
from oncofhir.inference.index.phrase_search import Phrases
from oncofhir.inference.index.prompt_injection import injected_spans
from oncofhir.inference.mentions import FINDERS, Mention
from oncofhir.inference.mentions.cells import cell_mentions
from oncofhir.inference.mentions.malignancy import malignancies
from oncofhir.inference.prompting.retrieval import sentences
from oncofhir.inference.structure import readable
from oncofhir.schemas.context import Context
from oncofhir.schemas.finding import Evidence, Kind, Rejection
from oncofhir.schemas.report import Report, Section, SectionKind
from oncofhir.schemas.structure import Structure

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
    SectionKind.PLAN: 1,
    SectionKind.GROSS: 1,
    SectionKind.INTRAOPERATIVE: 1,
    SectionKind.CLINICAL_HISTORY: 0,
    SectionKind.REASON_FOR_VISIT: 0,
    SectionKind.OUTSIDE_DIAGNOSIS: 0,
    SectionKind.PAST_HISTORY: -1,
    SectionKind.FAMILY_HISTORY: -1,
}
_ELSEWHERE = 2
_VALUES = frozenset({Kind.CANCER_STAGE, Kind.HORMONE_RECEPTOR, Kind.CANCER_GRADE, Kind.TUMOR_SIZE})

Span = tuple[int, int]


class ReportIndex:
    """A report with its mentions, contexts and sentences, each found once."""

    def __init__(self, report: Report) -> None:
        self.report = report
        shown = readable(report.text)
        self.text = shown.text
        self.structure: Structure = shown.structure
        self._mentions: dict[Kind, tuple[Mention, ...]] = {}
        self._contexts: dict[tuple[int, int, bool], Context] = {}
        self._section_causes = causes_by_kind(report)

    def mentions(self, kind: Kind) -> tuple[Mention, ...]:
        """The mentions of a kind, the first `MOST_MENTIONS` of a text that repeats them without end.

        What a table says stands with what the text says; the text of the table's cells is not read twice.
        """
        if kind not in self._mentions:
            written = islice(FINDERS[kind](self.text_outside_cells), MOST_MENTIONS)
            in_cells = cell_mentions(kind, self.text, self.structure.cells)
            self._mentions[kind] = (*written, *in_cells)
        return self._mentions[kind]

    @cached_property
    def text_outside_cells(self) -> str:
        """The readable text with blanks in the place of cells that hold values."""
        pieces, position = [], 0
        for cell in self.structure.cells:
            if cell.start >= position:
                pieces += [self.text[position : cell.start], " " * (cell.end - cell.start)]
                position = cell.end
        return "".join([*pieces, self.text[position:]])

    @cached_property
    def malignancies(self) -> list[Span]:
        """Every word for a malignancy, affirmed or not, in text order."""
        return [match.span() for match in malignancies(self.text)]

    def malignancies_within(self, start: int, end: int) -> list[Span]:
        """The words for a malignancy that are wholly inside a span."""
        found = self.malignancies
        first = bisect_left(found, (start, start))
        return [place for place in found[first : bisect_left(found, (end, end))] if place[1] <= end]

    @cached_property
    def _sentences(self) -> tuple[list[int], list[Span]]:
        spans = list(sentences(self.text))
        return [start for start, _ in spans], spans

    def sentence_at(self, start: int, end: int) -> Span:
        """The sentence around a mention, cut to `LONGEST_QUOTE`; at least the mention itself."""
        starts, spans = self._sentences
        index = bisect_right(starts, start) - 1
        first, last = spans[index] if index >= 0 else (start, end)
        first = min(first, start)
        last = max(last, end)
        room = max(0, LONGEST_QUOTE - (end - start)) // 2
        first, last = max(first, start - room), min(last, end + room)
        text = self.report.text
        while first > 0 and first < start and text[first - 1].isalnum():
            first += 1
        while last < len(text) and last > end and text[last].isalnum():
            last -= 1
        stretch = text[first:last]
        return first + len(stretch) - len(stretch.lstrip()), first + len(stretch.rstrip())

    def clause_at(self, start: int) -> Span:
        """The clause around a place, the unit of context."""
        return self._context_index.clause(start)

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

    def context(self, start: int, end: int, kind: Kind | None = None) -> Context:
        """The context of a mention. What an injected order dictates is hypothetical."""
        asked = (start, end, kind in _VALUES)
        if asked not in self._contexts:
            self._contexts[asked] = self._context_index.of(start, end, is_value=asked[2])
        return self._contexts[asked]

    def rejection(self, start: int, end: int, kind: Kind | None = None) -> Rejection | None:
        """Why a mention is no current finding of the patient; None when it is affirmed."""
        return self.context(start, end, kind).rejection

    @cached_property
    def _context_index(self) -> ContextIndex:
        starts = [item.start for item in self.structure.items]
        return ContextIndex(self.text, self._section_cause, starts)

    def _section_cause(self, offset: int) -> Cause | None:
        if self.is_injected(offset):
            return Cause.INSTRUCTED
        section = self.section_at(offset)
        return None if section is None else self._section_causes.get(section.kind)

    @cached_property
    def has_injection(self) -> bool:
        """Whether the report holds an order to a model."""
        return bool(self._injected[0])

    def is_injected(self, offset: int) -> bool:
        """Whether a place is in an instruction to a model, or in what such an instruction dictates."""
        starts, stretches = self._injected
        order = bisect_right(starts, offset) - 1
        return order >= 0 and offset < stretches[order][1]

    @cached_property
    def _injected(self) -> tuple[list[int], list[Span]]:
        stretches = injected_spans(
            self.report.text, [section.start for section in self.report.sections]
        )
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
            text=self.report.text[first:last],
            path=segment.path,
            attachment_start=segment.attachment_start + first - segment.start,
        )

    def part(self, start: int) -> str | None:
        """The specimen part of a place, when the report has several."""
        part = self.report.part_at(start) if len(self.report.parts) > 1 else None
        return part.label if part else None

    def positions(self, phrase: str) -> list[Span]:
        """Where a phrase stands verbatim, else where its words stand together (`Phrases`)."""
        return self._phrases.find_exact(phrase) or self._phrases.find_fuzzy(phrase)

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.text)
