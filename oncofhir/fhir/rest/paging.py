"""All pages of a search, by the server's own `next` links.

Source: http://hl7.org/fhir/R4/http.html#paging.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from oncofhir.fhir.references import origin
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason


class SearchClient(Protocol):
    """What is needed of `FhirClient`."""

    @property
    def base_url(self) -> str: ...

    async def search_bundle(self, type: str, params: Mapping[str, str]) -> dict[str, Any]: ...  # noqa: A002

    async def read_page(self, url: str) -> dict[str, Any]: ...


async def search_pages(
    client: SearchClient,
    type: str,  # noqa: A002
    params: Mapping[str, str],
) -> AsyncIterator[list[dict[str, Any]]]:
    """The matches of a search, a page at a time; included resources of other types are left out.

    A `next` link is followed on the server's own origin only, and no page is asked for twice.

    Raises:
        DependencyUnavailable: a link leads elsewhere or in a circle; and as the server answers.
        AccessDenied, RequestRejected: as the server answers.
    """
    bundle = await client.search_bundle(type, params)
    seen: set[str] = set()
    while True:
        resources = [entry.get("resource") for entry in bundle.get("entry") or []]
        yield [r for r in resources if isinstance(r, dict) and r.get("resourceType") == type]
        following = _next(bundle)
        if following is None:
            return
        url = following if "://" in following else f"{client.base_url}/{following.lstrip('/')}"
        if origin(url) != origin(client.base_url):
            raise _lost(client, "a page's next link leads to another origin")
        if url in seen:
            raise _lost(client, "a page's next link leads to an earlier page")
        seen.add(url)
        bundle = await client.read_page(url)


def _next(bundle: Mapping[str, Any]) -> str | None:
    for link in bundle.get("link") or []:
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) and url else None
    return None


def _lost(client: SearchClient, detail: str) -> DependencyUnavailable:
    return DependencyUnavailable(Reason.STORE_FAILED, client.base_url, detail)
