"""What the report view shows: cards of one page grouped by tumour, and the marks of the text."""

from collections.abc import Iterable, Sequence

from oncofhir.review.access.users import User
from oncofhir.review.web.marked_text import Block, Mark, blocks
from oncofhir.review.web.verdict_forms import reviewer_of
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Evidence
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import LesionView, RejectedValue, ReportView, ReviewedFinding

_OPEN = {ReviewStatus.UNREVIEWED}
NOT_SURE = "not-sure"
ADDED = "added"


class Card(Value):
    """A finding as a card. `ordinal` is its number on the report, from 1; `status` a CSS class."""

    finding: ReviewedFinding
    ordinal: int
    status: str
    is_open: bool

    @property
    def anchor(self) -> str:
        return anchor_of(self.finding.item.finding)

    @property
    def quotes(self) -> tuple[Evidence, ...]:
        """The evidence without passages that are part of another one."""
        spans = [(one.start, one.end) for one in self.finding.evidence]
        return tuple(
            one
            for one in self.finding.evidence
            if not any(
                start <= one.start and one.end <= end and (start, end) != (one.start, one.end)
                for start, end in spans
            )
        )


class CardGroup(Value):
    """The cards of one tumour, None for those of no tumour."""

    lesion: LesionView | None
    cards: tuple[Card, ...]


def anchor_of(finding: str) -> str:
    """The HTML id of a finding's card."""
    return f"f-{finding}"


def card_of(finding: ReviewedFinding, ordinal: int) -> Card:
    """Return the card of a finding."""
    status = finding.item.review
    unsure = bool(finding.opinions) and finding.opinions[0].unsure
    is_open = status in _OPEN or bool(set(finding.item.reasons) - {"unreviewed"})
    shown = NOT_SURE if unsure and status in _OPEN else status.value
    if finding.machine is None and status is ReviewStatus.CONFIRMED:
        shown = ADDED
    return Card(
        finding=finding, ordinal=ordinal, status=shown, is_open=is_open and finding.editable
    )


def groups_of(report: ReportView, offset: int, limit: int) -> list[CardGroup]:
    """The cards of one page, in the order of the tumours; findings of no tumour come last."""
    ordered = in_order(report)
    cards = [card_of(f, n) for n, f in enumerate(ordered, start=1)][offset : offset + limit]
    lesions = {lesion.id: lesion for lesion in report.lesions}
    groups: dict[str | None, list[Card]] = {}
    for card in cards:
        lesion = card.finding.item.lesion
        groups.setdefault(lesion if lesion in lesions else None, []).append(card)
    return [
        CardGroup(lesion=lesions.get(lesion or ""), cards=tuple(found))
        for lesion, found in groups.items()
    ]


def in_order(report: ReportView) -> list[ReviewedFinding]:
    """All findings, by tumour and then as the store lists them."""
    ranks = {lesion.id: n for n, lesion in enumerate(report.lesions)}
    return sorted(report.findings, key=lambda found: ranks.get(found.item.lesion or "", len(ranks)))


def page_with(report: ReportView, finding: str | None, size: int) -> int:
    """The offset of the page that shows a finding; the first page without one."""
    for n, found in enumerate(in_order(report)):
        if found.item.finding == finding:
            return n // size * size
    return 0


def text_blocks(report: ReportView, groups: Sequence[CardGroup]) -> list[Block]:
    """The report's text, with the evidence of the cards, the tumours and the rejected values marked."""
    marks = [*_evidence_marks(groups), *_lesion_marks(report.lesions)]
    marks += _rejected_marks(report.rejected or ())
    return list(blocks(report.text, [(s.start, s.title) for s in report.sections], marks))


def _evidence_marks(groups: Iterable[CardGroup]) -> Iterable[Mark]:
    for group in groups:
        for card in group.cards:
            for evidence in card.quotes:
                label = ((card.anchor, str(card.ordinal)),)
                yield Mark(evidence.start, evidence.end, "evidence", label)


def _lesion_marks(lesions: Iterable[LesionView]) -> Iterable[Mark]:
    for lesion in lesions:
        for start, end in lesion.spans:
            yield Mark(start, end, "lesion")


def _rejected_marks(rejected: Iterable[RejectedValue]) -> Iterable[Mark]:
    for value in rejected:
        for evidence in value.evidence:
            yield Mark(evidence.start, evidence.end, "rejected")


def reviewer_name(reviewer: str | None, display: str | None, user: User) -> str:
    """A reviewer as the page names them: "you", their name, else what the store has of them."""
    if reviewer is None:
        return display or "somebody whom the store does not name"
    if reviewer == reviewer_of(user).key:
        return "you"
    return display or reviewer.rpartition("|")[2]
