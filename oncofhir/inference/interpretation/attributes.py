"""Support of claims about sizes, sides, grades, stages and receptors.

Written as what a lesion has, or rejected.
"""

from collections.abc import Iterator

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.grounding import cuts, ground
from oncofhir.inference.interpretation.results import Result, finding_of, quotes, rejected
from oncofhir.inference.lesions.facts import Fact
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.schemas.finding import Finding, Kind, Rejection

# The kinds of which the report's own value is written where the answer lacks or contradicts it.
COMPLETED = frozenset(
    {
        Kind.CANCER_STAGE,
        Kind.HORMONE_RECEPTOR,
        Kind.CANCER_GRADE,
        Kind.TUMOR_SIZE,
        Kind.TUMOR_LATERALITY,
    }
)


def supported(report: ReadReport, candidate: Candidate) -> Iterator[Result]:
    """What a claim comes to.

    A finding for each lesion of which it is the value that counts, else its reason.
    """
    said = ground(report.facts, candidate)
    if not said:
        said = [
            f for f in report.facts.of(candidate.kind) if f.rejection is None and cuts(candidate, f)
        ]
        said = said if len({f.mention.value for f in said}) == 1 else []
    if not said:
        yield rejected(candidate, Rejection.UNGROUNDED)
        return
    affirmed = [fact for fact in said if fact.rejection is None]
    if not affirmed:
        spans = [(said[0].mention.start, said[0].mention.end)]
        reason = said[0].rejection or Rejection.UNGROUNDED
        yield rejected(
            candidate,
            reason,
            () if reason is Rejection.UNGROUNDED else quotes(report.index, spans),
        )
        return
    found = list(_by_lesion(report, candidate, affirmed))
    if found:
        yield from found
    else:
        first = affirmed[0].mention
        yield rejected(
            candidate, Rejection.CONTRADICTED, quotes(report.index, [(first.start, first.end)])
        )


def _by_lesion(report: ReadReport, candidate: Candidate, affirmed: list[Fact]) -> Iterator[Finding]:
    for label in labels_of(report):
        best = best_of(report, candidate.kind, label).get(candidate.slot)
        same = [f for f in affirmed if best is not None and f.mention.key == best.mention.key]
        own = [f for f in same if f.label in {label, None}]
        if best is None or not own:
            continue
        first = [f for f in own if f.mention == best.mention] or own[:1]
        yield finding_of(
            report.index,
            candidate.kind,
            [*first, *(f for f in own if f not in first)],
            raw=candidate.raw,
            confidence=candidate.confidence,
            part=label,
            lesion=report.summaries.id_of(label),
        )


def labels_of(report: ReadReport) -> list[str | None]:
    """The labels of the lesions; None alone where the report does not tell several apart."""
    labels: list[str | None] = [tumor.label for tumor in report.lesions.several]
    return labels or [None]


def best_of(report: ReadReport, kind: Kind, label: str | None) -> dict[str | None, Fact]:
    """The facts that count for a lesion; of its sides the one that its summary has."""
    best = report.facts.best(kind, label)
    if kind is not Kind.TUMOR_LATERALITY:
        return best
    summary = report.summaries.of(label)
    if summary is None or summary.side is None:
        return {}
    facts = [
        f
        for f in report.facts.of(kind)
        if f.rejection is None and f.mention.value == summary.side and f.label in {label, None}
    ]
    return {None: facts[0]} if facts else {}


def completed(report: ReadReport, kind: Kind, findings: list[Finding]) -> Iterator[Finding]:
    """What the report says of its lesions and no claim of the answer names."""
    known = {(f.slot, f.lesion) for f in findings if f.kind is kind}
    for label in labels_of(report):
        lesion = report.summaries.id_of(label)
        for slot, fact in best_of(report, kind, label).items():
            if (slot, lesion) not in known:
                mention = fact.mention
                yield finding_of(
                    report.index,
                    kind,
                    [fact],
                    raw=" ".join(report.index.report.text[mention.start : mention.end].split()),
                    confidence=None,
                    part=label,
                    lesion=lesion,
                )
