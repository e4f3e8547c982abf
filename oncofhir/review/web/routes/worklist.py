"""The worklist: findings in the order in which a review is worth most, with filters and pages."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oncofhir.review.web.page import page_of
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import PageRequest, ReviewReason, ReviewSort, WorklistFilter

_SEE_OTHER = 303
_MAX_OFFSET = 1_000_000
_NEXT_LOOKED_AT = 200
AGES = {"7": "last 7 days", "30": "last 30 days", "365": "last year", "-365": "older than a year"}
SORTS = {
    ReviewSort.GAIN: "highest priority",
    ReviewSort.NEWEST: "newest report",
    ReviewSort.OLDEST: "oldest report",
    ReviewSort.CONFIDENCE: "least confident",
}
_STATES = tuple(s for s in ReviewStatus if s is not ReviewStatus.UNREVIEWED)
_Choice = TypeVar("_Choice", bound=StrEnum)


def filter_of(query: QueryParams, patient: str | None, now: datetime) -> WorklistFilter:
    """The filter that an address asks for; values that are none of the choices are ignored."""
    age = query.get("age", "")
    cut = now - timedelta(days=abs(int(age))) if age in AGES else None
    sort = _choice(ReviewSort, query.get("sort")) or ReviewSort.GAIN
    return WorklistFilter(
        reasons=_as_tuple(_choice(ReviewReason, query.get("reason"))),
        review=_as_tuple(_choice(ReviewStatus, query.get("review"))),
        kinds=_as_tuple(_choice(Kind, query.get("kind"))),
        site=query.get("site") or None,
        body_site=query.get("body_site") or None,
        model=query.get("model") or None,
        reported_since=cut if cut and not age.startswith("-") else None,
        reported_before=cut if cut and age.startswith("-") else None,
        patient=patient,
        sort=sort,
    )


async def worklist(request: Request) -> Response:
    """A page of findings."""
    page = page_of(request)
    page.user(request)
    patient = page.sessions.patient(request.session)
    query = request.query_params
    wanted = filter_of(query, patient, datetime.now(UTC))
    size = page.settings.page_size
    offset = _offset(query.get("offset"), size)
    found = await page.store.worklist(wanted, PageRequest(offset=offset, limit=size))
    if not found.items and found.total:  # decided meanwhile: the last page that there is
        offset = (found.total - 1) // size * size
        found = await page.store.worklist(wanted, PageRequest(offset=offset, limit=size))
    return page.render(
        request,
        "worklist.html",
        found=found,
        wanted=wanted,
        choices=_choices(found.facets, wanted),
        age=query.get("age", ""),
        ages=AGES,
        sorts=SORTS,
        states=_STATES,
        patient=patient,
        filtered=any(query.get(name) for name in ("reason", "review", "kind", "site", "age"))
        or any(query.get(name) for name in ("body_site", "model")),
        previous=_address(query, offset - size) if offset else None,
        following=_address(query, offset + size) if offset + size < found.total else None,
    )


def _choices(facets: Any, wanted: WorklistFilter) -> list[dict[str, Any]]:
    """The menus of the filter with the number of findings of each choice."""
    chosen = {
        "reason": wanted.reasons[0].value if wanted.reasons else "",
        "kind": wanted.kinds[0].value if wanted.kinds else "",
        "body_site": wanted.body_site or "",
        "site": wanted.site or "",
        "model": wanted.model or "",
    }
    menus = (
        ("reason", "Why", facets.reasons, [r.value for r in ReviewReason]),
        ("kind", "Phenotype", facets.kinds, [k.value for k in Kind]),
        ("body_site", "Organ", facets.body_sites, sorted(facets.body_sites)),
        ("site", "Source", facets.sites, sorted(facets.sites)),
        ("model", "Model", facets.models, sorted(facets.models)),
    )
    return [
        {
            "name": name,
            "label": label,
            "chosen": chosen[name],
            "options": [
                (v, counts.get(v, 0)) for v in values if counts.get(v) or v == chosen[name]
            ],
        }
        for name, label, counts, values in menus
    ]


async def next_report(request: Request) -> Response:
    """Go to the report that a reviewer gains most from, other than the one that they come from."""
    page = page_of(request)
    page.user(request)
    left = request.query_params.get("after")
    wanted = WorklistFilter(patient=page.sessions.patient(request.session))
    found = await page.store.worklist(wanted, PageRequest(limit=_NEXT_LOOKED_AT))
    for item in found.items:
        if item.document != left:
            return RedirectResponse(f"/reports/{item.document}?finding={item.finding}", _SEE_OTHER)
    return RedirectResponse("/", _SEE_OTHER)


def _choice(choices: type[_Choice], value: str | None) -> _Choice | None:
    return choices(value) if value in set(choices) else None


def _as_tuple(value: _Choice | None) -> tuple[_Choice, ...]:
    return () if value is None else (value,)


def _offset(text: str | None, size: int) -> int:
    """The first finding of the page; a number that is none is the beginning."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > len(str(_MAX_OFFSET)):
        return 0
    return int(text) // size * size


def _address(query: QueryParams, offset: int) -> str:
    pairs: Iterable[tuple[str, str]] = ((n, v) for n, v in query.items() if n != "offset" and v)
    return "/?" + urlencode([*pairs, ("offset", str(max(offset, 0)))])


ROUTES = [Route("/", worklist), Route("/next", next_report)]
