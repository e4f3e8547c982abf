"""Verdicts on one document are written one after the other, and nothing is kept of a document that nobody writes."""

import asyncio
from datetime import UTC, datetime

import pytest

from oncofhir.review.verdicts.decide import Decisions


def decisions():
    return Decisions(
        None, None, None, organization="o", software="s", clock=lambda: datetime.now(UTC)
    )


@pytest.mark.anyio
async def test_a_document_has_one_writer_at_a_time_and_two_documents_two():
    decided, inside, order = decisions(), asyncio.Event(), []

    async def write(document, name):
        async with decided.lock(document):
            order.append(name)
            await inside.wait()

    writes = [asyncio.create_task(write(*args)) for args in (("a", 1), ("a", 2), ("b", 3))]
    await asyncio.sleep(0)
    assert order == [1, 3]
    inside.set()
    await asyncio.gather(*writes)
    assert order == [1, 3, 2]


@pytest.mark.anyio
async def test_no_lock_is_kept_of_a_document_that_nobody_writes():
    decided = decisions()
    async with decided.lock("held"):
        for number in range(1000):
            async with decided.lock(f"document-{number}"):
                pass
            with pytest.raises(asyncio.CancelledError):
                async with decided.lock(f"cancelled-{number}"):
                    raise asyncio.CancelledError
        assert list(decided._turns._locks) == ["held"]
    assert not decided._turns._locks
