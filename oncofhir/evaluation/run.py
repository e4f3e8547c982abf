"""Runs the pipeline over a dataset, from the text to the findings."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from oncofhir.evaluation.dataset import LabelledReport
from oncofhir.evaluation.observed import Observed, observe
from oncofhir.fhir.intake import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.extraction import ModelIdentity, PromptSetIdentity

AT_A_TIME = 8


class Measured(Value):
    """What a run saw. `seconds` is the wall-clock of the whole, with `AT_A_TIME` reports at a time."""

    model: ModelIdentity
    prompt_set: PromptSetIdentity
    reports: tuple[Observed, ...]
    seconds: float


async def run(reports: Sequence[LabelledReport], extractor: Extractor) -> Measured:
    """Extract every report, in order; one that cannot be read or is refused counts as found nothing.

    Raises:
        DependencyUnavailable, AccessDenied: the model does not answer.
    """
    model = await extractor.identify()
    under_way = asyncio.Semaphore(AT_A_TIME)

    async def one(report: LabelledReport) -> Observed:
        async with under_way:
            return await _observed(report, extractor, model)

    began = monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(report)) for report in reports]
    return Measured(
        model=model,
        prompt_set=extractor.prompt_set,
        reports=tuple(task.result() for task in tasks),
        seconds=monotonic() - began,
    )


async def _observed(
    labelled: LabelledReport, extractor: Extractor, model: ModelIdentity
) -> Observed:
    began = monotonic()
    gold = labelled.gold()
    try:
        report = await asyncio.to_thread(report_from_text, labelled.text.encode(), labelled.key)
        extraction = await extractor.extract(report, model)
    except (UnreadableReport, RequestRejected):
        return Observed(key=labelled.key, gold=tuple(gold.items()), found={}, unread=True)
    return observe(labelled.key, gold, extraction, monotonic() - began)
