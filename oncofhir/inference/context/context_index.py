"""The context of every mention of a report, by the triggers of its clause and by its section.

After ConText (Harkema et al. 2009). Clauses and triggers are found once for a report.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from oncofhir.inference.context.earlier_tumors import earlier_stretches
from oncofhir.inference.context.trigger_data import Cause, Trigger, pattern, triggers
from oncofhir.schemas.base import Value
from oncofhir.schemas.context import Certainty, Context, Experiencer, Temporality
from oncofhir.terminology.lowered import lowered

_END = re.compile(
    r"(?<=[A-Za-z)\d%+\]])\s?[.?!]\s+(?=[A-Z(\d*-])|[;\n\u2022]|(?<=[A-Za-z)\d%])\.\s+(?=[yrac]{0,2}p?[TN][0-4isx])|[.:]\s(?=[-*]\s?[A-Za-z])|[.:]\s(?=[-\u2022])"
)
# Behind an answer: the end of the line, or the label of the next item where lines were joined.
_ITEM_ENDS = re.compile(r"[ \t.]*(?:[\n|;]|$|[A-Z][\w ,/()+-]{0,40}:)")
FORWARD = 120
"""Characters that a trigger reaches forward in its clause."""
BACKWARD = 45
NEAR = 18
"""Characters within which a value of stage, grade or size is negated: "no N1 disease"."""
_NEAR_UNCERTAIN = 40
_QUERY = re.compile(r"[ ]?\?")
_QUESTION = re.compile(r"\b(?:is|are|was|does|do|can|could|should|or|question)\b", re.IGNORECASE)
_YEAR = re.compile(
    r"[^.;\n]{0,25}\b(?:excised|resected|removed|treated|cured)(?: in)? (?:19|20)\d\d\b",
    re.IGNORECASE,
)
# Between a tumour and a "versus" behind it: what is then compared is not the tumour.
_COMPARED = re.compile(
    r"\b(?:with|without|and|which|surgery|radiation|treatment|therapy|chemotherapy|resection|observation"
    r"|surveillance|margins?|lumpectomy|mastectomy|\w{2,20}omas?|cancers?)\b",
    re.IGNORECASE,
)
# One of two: "carcinoma or granuloma".
_ANOTHER = (
    r"(?:\w{2,20}(?:oma|itis)s?|infection|inflammation|abscess|scar|cyst|pneumonia|metasta\w+)\b"
)
_OR_BEHIND = re.compile(rf" or (?:an? )?(?:[\w-]{{1,20}} ){{0,2}}?{_ANOTHER}", re.IGNORECASE)
_OR_BEFORE = re.compile(rf"\b{_ANOTHER} or (?:an? )?(?:[\w-]{{1,20}} )?$", re.IGNORECASE)
# The same by its organ: "adenocarcinoma or rectal carcinoma".
_SAME = re.compile(
    r" or (?:an? )?(?!\w*(?:ous|ular|cell|ductal|papillary)\b)(?:\w+ )?(?:carcinoma|cancer)\b",
    re.IGNORECASE,
)
_DISEASE = re.compile(r"\b(?:disease|cancer|carcinoma|tumou?r|is|was|has been)\b", re.IGNORECASE)
_VERSUS = frozenset({"vs", "vs.", "versus"})
_LAST = re.compile(r"[\s.,;:!)]*")
_COMMA = re.compile(r"[,(:]")
_ORDER = (
    Cause.FAMILY,
    Cause.OTHER,
    Cause.PENDING,
    Cause.UNCERTAIN,
    Cause.QUERIED,
    Cause.HYPOTHETICAL,
    Cause.NEGATED,
    Cause.SUPERSEDED,
    Cause.EARLIER,
)
CONTEXTS = {
    Cause.FAMILY: Context(experiencer=Experiencer.FAMILY),
    Cause.OTHER: Context(experiencer=Experiencer.OTHER),
    Cause.INSTRUCTED: Context(certainty=Certainty.HYPOTHETICAL),
    Cause.PENDING: Context(certainty=Certainty.PENDING),
    Cause.UNCERTAIN: Context(certainty=Certainty.UNCERTAIN),
    Cause.QUERIED: Context(certainty=Certainty.QUERIED),
    Cause.HYPOTHETICAL: Context(certainty=Certainty.HYPOTHETICAL),
    Cause.NEGATED: Context(certainty=Certainty.NEGATED),
    Cause.SUPERSEDED: Context(temporality=Temporality.SUPERSEDED),
    Cause.EARLIER: Context(temporality=Temporality.EARLIER),
}
AFFIRMED = Context()


class _Occurrence(Value):
    start: int
    end: int
    trigger: Trigger


def _occurrences(text: str) -> Iterator[_Occurrence]:
    """The triggers of a text; what stands within a longer one counts only where that one allows it."""
    known = triggers()
    last, hides = 0, False
    for match in pattern().finditer(lowered(text)):
        words = match["words"] or match["query"]
        start, end = match.start(), match.start() + len(words)
        if end <= last and hides:
            continue
        trigger = known[_key(words)]
        if end > last:
            last, hides = end, trigger.hides_what_it_holds
        yield _Occurrence(start=start, end=end, trigger=trigger)


class ContextIndex:
    """Contexts in one text.

    `section_cause` gives what a place's section makes of a mention. `boundaries` are where clauses begin
    beside
    those that punctuation shows: the items of a list.
    """

    def __init__(
        self,
        text: str,
        section_cause: Callable[[int], Cause | None],
        boundaries: Sequence[int] = (),
    ) -> None:
        self._text = text
        self._section_cause = section_cause
        ends = {m.end() for m in _END.finditer(text)} | set(boundaries)
        self._ends = [0, *sorted(ends - {0}), len(text) + 1]
        self._found = list(_occurrences(text))
        self._earlier = earlier_stretches(text, self._ends)
        self._earlier_starts = [stretch.start for stretch in self._earlier]
        self._starts = [found.start for found in self._found]

    def clause(self, start: int) -> tuple[int, int]:
        """The clause around a place."""
        index = bisect_right(self._ends, start)
        return self._ends[index - 1], min(
            len(self._text), self._ends[min(index, len(self._ends) - 1)]
        )

    def of(self, start: int, end: int, *, is_value: bool = False) -> Context:
        """The context of a mention. Of a value (stage, grade, size) only a close negation counts."""
        by_section = self._section_cause(start)
        if by_section in {Cause.FAMILY, Cause.INSTRUCTED}:
            return CONTEXTS[by_section]
        causes = self._causes(start, end, is_value=is_value)
        for cause in _ORDER:
            if cause in causes:
                return CONTEXTS[cause]
        return AFFIRMED if by_section is None else CONTEXTS[by_section]

    def _causes(self, start: int, end: int, *, is_value: bool) -> set[Cause]:
        first, last = self.clause(start)
        causes = self._forward(first, start, is_value=is_value)
        causes |= self._backward(end, last, is_value=is_value)
        if self._is_asked(first, end, last):
            causes.add(Cause.QUERIED)
        if not causes and not is_value and self._is_one_of_two(start, end, first, last):
            causes.add(Cause.UNCERTAIN)
        if self._is_earlier(start, is_value=is_value):
            causes.add(Cause.EARLIER)
        if not is_value and _YEAR.match(self._text, end, last):
            causes.add(Cause.EARLIER)
        return causes

    def _is_one_of_two(self, start: int, end: int, first: int, last: int) -> bool:
        """Whether another disease stands in its place: "carcinoma or granuloma"."""
        if _OR_BEHIND.match(self._text, end, last):
            is_carcinoma = "carcinoma" in lowered(self._text[start:end])
            return not (is_carcinoma and _SAME.match(self._text, end, last))
        before = _OR_BEFORE.search(self._text, max(first, start - 60), start)
        if before is None:
            return False
        is_general = _SAME.fullmatch(f" or {self._text[start:end]}") is not None
        return not (is_general and "carcinoma" in lowered(before[0]))

    def _is_earlier(self, start: int, *, is_value: bool) -> bool:
        """Whether a place is in a stretch about an earlier tumour."""
        number = bisect_right(self._earlier_starts, start) - 1
        if number < 0 or start >= self._earlier[number].end:
            return False
        return is_value or not self._earlier[number].values_only

    def _forward(self, first: int, start: int, *, is_value: bool) -> set[Cause]:
        """What the triggers before a mention make of it."""
        causes: set[Cause] = set()
        ended: set[Cause] = set()
        index = bisect_left(self._starts, start) - 1
        while index >= 0 and self._found[index].start >= first:
            found = self._found[index]
            gap = start - found.end
            if gap > FORWARD:
                break
            if gap >= 0 and not self._is_answer(found):
                for cause in found.trigger.before:
                    reaches = self._reaches(cause, found.end, start, is_value=is_value)
                    if cause not in ended and reaches:
                        causes.add(cause)
                ended |= found.trigger.ends
            index -= 1
        return causes

    def _is_answer(self, found: _Occurrence) -> bool:
        """Whether a trigger is all that stands behind a label ("LVI: no"); what follows is another item."""
        before = self._text[max(0, found.start - 3) : found.start].rstrip(" \t")
        return (
            before.endswith((":", "=", "|")) and _ITEM_ENDS.match(self._text, found.end) is not None
        )

    def _backward(self, end: int, last: int, *, is_value: bool) -> set[Cause]:
        """What the triggers behind a mention make of it."""
        causes: set[Cause] = set()
        index = bisect_left(self._starts, end)
        while index < len(self._found) and self._found[index].start < last:
            found = self._found[index]
            if found.start - end > BACKWARD or found.trigger.ends == frozenset(Cause):
                break
            between = self._text[end : found.start]
            for cause in self._after(found, between, last):
                words = _DISEASE.sub("", between)
                far = is_value and (cause is Cause.EARLIER or any(map(str.isalpha, words)))
                if not far and not self._is_apart(cause, between):
                    causes.add(cause)
            index += 1
        return causes

    def _after(self, found: _Occurrence, between: str, last: int) -> tuple[Cause, ...]:
        """What a trigger makes of the mention in front of it, with `between` the two."""
        if found.trigger.at_end and _LAST.fullmatch(self._text, found.end, last):
            return found.trigger.at_end
        words = lowered(self._text[found.start : found.end])
        if words in _VERSUS and _COMPARED.search(between):
            return ()
        return found.trigger.after

    def _is_asked(self, first: int, end: int, last: int) -> bool:
        """Whether a question mark ends the clause, or stands right behind the mention ("carcinoma??")."""
        if _QUERY.match(self._text, end):
            return True
        asked = self._text[first:last].rstrip()
        return asked.endswith("?") and _QUESTION.search(asked) is not None

    def _reaches(self, cause: Cause, end: int, start: int, *, is_value: bool) -> bool:
        if not is_value:
            return True
        gap = start - end
        if cause is Cause.NEGATED:
            return gap <= NEAR and not _COMMA.search(self._text, end, start)
        if cause is Cause.UNCERTAIN:
            return gap <= _NEAR_UNCERTAIN
        return True

    @staticmethod
    def _is_apart(cause: Cause, between: str) -> bool:
        """Whether what stands between the mention and a trigger behind it keeps them apart."""
        if cause in {Cause.EARLIER, Cause.SUPERSEDED, Cause.FAMILY}:
            return False
        if cause is Cause.PENDING:
            return False
        return _COMMA.search(between.rstrip(" :,")) is not None


def _key(words: str) -> str:
    return "?" if set(words) == {"?"} else " ".join(words.split())
