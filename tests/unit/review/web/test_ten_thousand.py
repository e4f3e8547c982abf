"""10,000 findings: the pages of the worklist list each of them once, in order, and any address has an answer."""

import asyncio
import re
import uuid

import httpx2
import pytest

from oncofhir.review.composition import open_review
from oncofhir.review.web.build import build_app
from oncofhir.review.worklist.items import items_of
from oncofhir.schemas.review import PageRequest, ReviewSort, WorklistFilter
from oncofhir.settings import ReviewSettings, Settings, WorklistSettings
from tests.unit.review.heads import head_with

REPORTS, COPIES = 500, 4
LINK = re.compile(r'href="/reports/([0-9a-f-]{36})\?finding=([0-9a-f-]{36})"')
TOTAL = re.compile(r"[\d,]+ findings? in [\d,]+ reports?")
NEXT = re.compile(r'rel="next" href="([^"]+)"')
ADDRESS = "http://127.0.0.1:8070"


def heads():
    """Heads of reports with twenty findings each."""
    head = head_with({})
    for number in range(REPORTS):
        document = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        rows = tuple(
            row.model_copy(
                update={
                    "document": document,
                    "finding": str(
                        uuid.uuid5(uuid.NAMESPACE_OID, f"{number}/{copy}/{row.finding}")
                    ),
                    "confidence": (number % 100) / 100,
                }
            )
            for row in head.rows
            for copy in range(COPIES)
        )
        yield head.model_copy(update={"document": document, "id": f"t{number}", "rows": rows})


def on_pages(story, tmp_path):
    """Run a story with a client of the page."""

    async def told():
        settings = Settings(worklist=WorklistSettings(index_file=tmp_path / "index.sqlite"))
        async with open_review(settings) as opened:
            for head in heads():
                found = items_of(head, {}, site="ehr", low_confidence=0.5)
                opened.index.put_document(head, found)
            metrics = opened.metrics.metrics
            page = ReviewSettings(page_size=500)
            app = build_app(page, opened.store, opened.store.client, metrics)
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
                await story(client, opened.store)

    asyncio.run(told())


@pytest.mark.scenario
def test_each_is_listed_once_and_any_address_has_an_answer(tmp_path):
    async def story(client, store):
        listed, address, pages = [], "/?sort=gain", 0
        while address:
            shown = (await client.get(address)).text
            assert TOTAL.search(shown)[0] == "10,000 findings in 500 reports", address
            listed += LINK.findall(shown)
            following = NEXT.search(shown)
            address = following and following[1].replace("&amp;", "&")
            pages += 1
        assert pages == 20
        assert len(listed) == len(set(listed)) == 10_000
        for order in ReviewSort:
            offsets = range(0, 10_000, 500)
            found = [
                await store.worklist(WorklistFilter(sort=order), PageRequest(offset=o, limit=500))
                for o in offsets
            ]
            assert len({item.finding for page in found for item in page.items}) == 10_000, order
        for query in ("offset=9999", "offset=10000", "offset=99999999999", "offset=-1", "offset=x"):
            assert (await client.get(f"/?{query}")).status_code == 200, query
        for query in ("kind=none", "reason=none", "sort=none", "age=none", "body_site=nowhere"):
            assert (await client.get(f"/?{query}")).status_code == 200, query

    on_pages(story, tmp_path)
