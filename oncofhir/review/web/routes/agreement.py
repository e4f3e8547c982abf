"""How reviewers and the models agree: per phenotype a bar, per phenotype, organ and model a row."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.review.access.users import Role
from oncofhir.review.web.charts import JUDGED, ROW, WIDTH, bars, summed
from oncofhir.review.web.page import Forbidden, page_of
from oncofhir.review.web.phenotypes import label
from oncofhir.schemas.review import Agreement

_PERIODS = {"7": "last 7 days", "30": "last 30 days", "365": "last year"}


async def agreement(request: Request) -> Response:
    """The counts of a period, for leads and auditors: they judge the model, and not colleagues."""
    page = page_of(request)
    user = page.user(request)
    if user.role is Role.REVIEWER:
        raise Forbidden("Leads and auditors see how reviewers and the model agree.")
    days = request.query_params.get("days", "")
    since = datetime.now(UTC) - timedelta(days=int(days)) if days in _PERIODS else None
    rows = list(await page.store.agreement(since=since))
    by_phenotype: dict[str, list[Agreement]] = {}
    for row in rows:
        by_phenotype.setdefault(label(row.kind, row.slot), []).append(row)
    sums = [(name, total) for name, found in by_phenotype.items() if (total := summed(found))]
    drawn = bars([(name, row) for name, row in sums if any(getattr(row, n) for n in JUDGED)])
    return page.render(
        request,
        "agreement.html",
        rows=rows,
        total=summed(rows),
        bars=drawn,
        width=WIDTH,
        height=max(len(drawn) * ROW, ROW),
        judged=JUDGED,
        days=days,
        periods=_PERIODS,
    )


ROUTES = [Route("/agreement", agreement)]
