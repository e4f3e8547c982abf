"""Reads all pages of a search, by the server's own `next` links.

Source: http://hl7.org/fhir/R4/http.html#paging.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.responses import resources_of
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason

_DOTS = re.compile(r"(?:^|/)\.\.?(?:/|$)")


class SearchClient(Protocol):
    """The part of `FhirClient` that is used here."""

    @property
    def base_url(self) -> str: ...

    async def search_bundle(self, type: str, params: Mapping[str, str]) -> dict[str, Any]: ...  # noqa: A002

    async def read_page(self, url: str) -> dict[str, Any]: ...


async def search_pages(
    client: SearchClient,
    type: str,  # noqa: A002
    params: Mapping[str, str],
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the matches of a search, a page at a time; included resources of other types are left out.

    Only the client's own server is asked: a server behind a proxy may write links with its own name, so the
    path of a link to another origin is followed on the client's base. No page is read twice.

    Raises:
        DependencyUnavailable: a link cannot be followed or leads in a circle; or according to the response.
        AccessDenied, RequestRejected: according to the response.
    """
    bundle = await client.search_bundle(type, params)
    seen: set[str] = set()
    while True:
        resources = resources_of(bundle, client.base_url)
        yield [resource for resource in resources if resource.get("resourceType") == type]
        url = next_page(client, bundle, type)
        if url is None:
            return
        if url in seen:
            raise _lost(client, "the next link of a page leads to an earlier page")
        seen.add(url)
        bundle = await client.read_page(url)


def next_page(client: SearchClient, bundle: Mapping[str, Any], type: str) -> str | None:  # noqa: A002
    """Return the address of the page after this one; None if it is the last.

    Raises:
        DependencyUnavailable: the link is malformed.
    """
    following = next_link(bundle)
    if following is None:
        return None
    url = own_page(client.base_url, following, type)
    if url is None:
        raise _lost(client, "the next link of a page is malformed")
    return url


def own_page(base_url: str, link: str, type: str) -> str | None:  # noqa: A002
    """Return the address of a link on the client's own base; None if it is malformed.

    Of a link to another origin, the path below the base's own path is kept, or else its end: a search at the
    type (`…/Task?…`) or at the base (`…?_getpages=…`).
    """
    try:
        parts = urlsplit(link)
        base_path = urlsplit(base_url).path.rstrip("/")
    except ValueError:
        return None
    if server_origin(link) is not None and server_origin(link) == server_origin(base_url):
        return link
    if parts.scheme not in {"", "http", "https"} or _DOTS.search(unquote(parts.path)):
        return None
    path = parts.path.rstrip("/")
    if not parts.netloc and not link.startswith("/"):
        below = path
    elif path == base_path or path.startswith(f"{base_path}/"):
        below = path[len(base_path) :]
    else:
        below = f"/{type}" if path.endswith(f"/{type}") else ""
    below = below.lstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    return f"{base_url}/{below}{query}" if below else f"{base_url}{query}"


def next_link(bundle: Mapping[str, Any]) -> str | None:
    """Return the address of the next page; None: this is the last one."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) and url else None
    return None


def _lost(client: SearchClient, detail: str) -> DependencyUnavailable:
    return DependencyUnavailable(Reason.STORE_FAILED, client.base_url, detail)
