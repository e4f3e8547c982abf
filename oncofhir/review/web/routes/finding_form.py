"""What the forms on one finding share: a correction, and a refutation with its reason."""

from typing import Any

from starlette.requests import Request

from oncofhir.review.web.page import Page, page_of
from oncofhir.review.web.report_page import anchor_of
from oncofhir.review.web.verdict_forms import InvalidForm
from oncofhir.schemas.review import WorklistItem


async def open_form(request: Request) -> tuple[Page, WorklistItem, dict[str, Any]]:
    """Return the page, the finding of the address, and what its form's template needs to name it.

    Raises:
        InvalidForm: the finding is gone.
    """
    page = page_of(request)
    page.reviewer(request)
    document, finding = (str(request.path_params[name]) for name in ("document", "finding"))
    item = await page.item_of(document, finding)
    if item is None:
        raise InvalidForm("The finding is gone: somebody deleted it.")
    ordinal = request.query_params.get("ordinal", "1")
    shown = {
        "item": item,
        "anchor": anchor_of(finding),
        "ordinal": ordinal if ordinal.isdigit() else "1",
    }
    return page, item, shown
