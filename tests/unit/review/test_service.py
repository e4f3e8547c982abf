"""A report view lists all findings of its document, however many."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from oncofhir.review.service import FhirReviewStore
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.review.worklist.items import items_of
from tests.unit.review.heads import head_with


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 499, 500, 501, 1203])
async def test_no_finding_of_a_document_is_left_out(tmp_path, count):
    head = head_with({})
    first = next(iter(items_of(head, {}, site="ehr", low_confidence=0.5)))
    items = [first.model_copy(update={"finding": str(uuid4())}) for _ in range(count)]
    with FindingIndex(tmp_path / "index.sqlite", "store") as index:
        index.put_document(head, items)
        store = FhirReviewStore(SimpleNamespace(index=index), None, None)
        found = await store._items_of(head.document)
    assert sorted(i.finding for i in found) == sorted(i.finding for i in items)
