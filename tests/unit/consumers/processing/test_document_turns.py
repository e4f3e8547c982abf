"""Reports of one document take turns; those of others do not wait."""

import asyncio

from oncofhir.consumers.processing.equal_reports import DocumentTurns


def test_one_at_a_time_for_a_document_and_others_beside():
    turns, inside, most = DocumentTurns(), {"a": 0, "b": 0}, {"a": 0, "b": 0}
    together = 0

    async def report(document):
        nonlocal together
        async with turns.turn(document):
            inside[document] += 1
            most[document] = max(most[document], inside[document])
            together = max(together, sum(inside.values()))
            await asyncio.sleep(0.001)
            inside[document] -= 1

    async def run():
        await asyncio.gather(*(report(document) for document in "aaabbb"))

    asyncio.run(run())
    assert most == {"a": 1, "b": 1}
    assert together == 2


def test_a_report_that_fails_or_is_cancelled_gives_its_turn_on():
    turns = DocumentTurns()

    async def run():
        async def failing():
            async with turns.turn("a"):
                raise ValueError

        async def waiting():
            async with turns.turn("a"):
                await asyncio.sleep(60)

        holder = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        others = [asyncio.create_task(waiting()), asyncio.create_task(failing())]
        await asyncio.sleep(0)
        others[0].cancel()
        holder.cancel()
        await asyncio.gather(holder, *others, return_exceptions=True)
        assert isinstance(others[1].exception(), ValueError)
        async with asyncio.timeout(1), turns.turn("a"):
            pass

    asyncio.run(run())
    assert not turns._locks
