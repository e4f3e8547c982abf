"""A diagnosis: stated when the report names the malignancy at the site, else inferred, else not grounded.

Source of the rule: design, promise 5.
"""

import re
from collections.abc import Callable, Iterable

from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.interpretation.grounding import MOST_PLACES
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Basis, Evidence, Finding, RejectedFinding, Rejection
from oncofhir.terminology.coding import diagnosis_codings
from oncofhir.terminology.sites import Site, find_sites, site_of

TOGETHER = 150
Place = tuple[int, int]


class Where(Value):
    """The site and the side that the report gives for the tumour, as far as found."""

    site: str | None = None
    side: str | None = None


def _anywhere(_: int) -> bool:
    return True


def diagnose(
    reading: Reading,
    candidate: Candidate,
    where_it_is: Where,
    within: Callable[[int], bool] = _anywhere,
) -> Finding | RejectedFinding:
    """The diagnosis with its basis, its spans and its codes.

    Only places whose start `within` accepts count: those of one tumour, where a report has several.
    """
    said = weightiest(reading, (p for p in reading.places(candidate.value) if within(p[0])))
    exact = [place for place in said if reading.assertion(*place) is None]
    if exact:
        best = max(exact, key=lambda p: reading.authority(p[0]))
        return _finding(reading, candidate, where_it_is, Basis.STATED, [best])
    named = weightiest(reading, (p for p in reading.malignancies if within(p[0])))
    affirmed = [p for p in named if reading.assertion(*p) is None]
    if not affirmed:
        return _rejected(reading, candidate, named)
    affirmed.sort(key=lambda p: reading.authority(p[0]), reverse=True)
    site = site_of(candidate.value)
    # a site that the report denies, or that an order to the model dictates, is not where the tumour is
    found = _where(reading, site, candidate.value)
    where = [
        place
        for place in weightiest(reading, (p for p in found if within(p[0])))
        if reading.assertion(*place) is None
    ]
    for place in affirmed:
        near = [w for w in where if abs(w[0] - place[0]) <= TOGETHER]
        if near:
            nearest = min(near, key=lambda w: abs(w[0] - place[0]))
            return _finding(reading, candidate, where_it_is, Basis.STATED, [place, nearest])
    if where:
        first = max(where, key=lambda w: reading.authority(w[0]))
        return _finding(reading, candidate, where_it_is, Basis.INFERRED, [affirmed[0], first])
    return _rejected(reading, candidate, [])


def weightiest(reading: Reading, places: Iterable[Place]) -> list[Place]:
    """The places; of more than `MOST_PLACES` those in the weightiest sections, and of these the first."""
    found = list(places)
    if len(found) > MOST_PLACES:
        found.sort(key=lambda place: reading.authority(place[0]), reverse=True)
    return found[:MOST_PLACES]


def without_malignancy(reading: Reading) -> Rejection | None:
    """Why the report says of no current malignancy of the patient; None when it does."""
    first = Rejection.UNGROUNDED
    for number, place in enumerate(reading.malignancies):
        reason = reading.assertion(*place)
        if reason is None:
            return None
        if number == 0:
            first = reason
    return first


def _where(reading: Reading, site: Site | None, value: str) -> list[Place]:
    if site is not None:
        return [
            (start, end) for found, start, end in find_sites(reading.text) if found.key == site.key
        ]
    words = [w for w in re.findall(r"\w{4,}", value) if not MALIGNANCY.fullmatch(w)]
    return [place for word in words for place in reading.places(word)]


def _finding(
    reading: Reading,
    candidate: Candidate,
    where: Where,
    basis: Basis,
    places: list[Place],
) -> Finding:
    gender = reading.report.patient_gender
    return Finding(
        kind=candidate.kind,
        value=candidate.value,
        basis=basis,
        raw=candidate.raw,
        confidence=candidate.confidence,
        evidence=_quotes(reading, places),
        codings=diagnosis_codings(
            candidate.value, site=where.site, laterality=where.side, gender=gender
        ),
        part=reading.part(places[0][0]),
    )


def _quotes(reading: Reading, places: list[Place]) -> tuple[Evidence, ...]:
    quotes = (reading.quote(start, end) for start, end in places)
    return tuple(dict.fromkeys(quote for quote in quotes if quote is not None))


def _rejected(reading: Reading, candidate: Candidate, named: list[Place]) -> RejectedFinding:
    reason = reading.assertion(*named[0]) if named else None
    return RejectedFinding(
        kind=candidate.kind,
        value=candidate.value,
        raw=candidate.raw,
        reason=reason or Rejection.UNGROUNDED,
        confidence=candidate.confidence,
        evidence=_quotes(reading, named[:1]) if reason else (),
    )
