"""Runs the pipeline over a dataset, from the text to the findings and the resources."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from oncofhir.evaluation.calibration.observed import Observed, observe
from oncofhir.evaluation.dataset import LabelledReport
from oncofhir.evaluation.scoring.resources import Emitted, emitted
from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.extraction import Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.report import Report

AT_A_TIME = 8
Build = Callable[[Report, Extraction], dict[str, Any]]


class Measurement(Value):
    """The measurements of a run. `seconds` is its wall-clock time, with `AT_A_TIME` concurrent reports."""

    model: ModelIdentity
    prompt_set: PromptSetIdentity
    reports: tuple[Observed, ...]
    resources: tuple[dict[str, list[Emitted]], ...]
    seconds: float


async def run(reports: Sequence[LabelledReport], extractor: Extractor, build: Build) -> Measurement:
    """Extract every report, in order; one that cannot be read or is refused counts as having no findings.

    `build` returns the transaction Bundle that would be written for an extraction.

    Raises:
        DependencyUnavailable, AccessDenied: the model does not answer.
    """
    model = await extractor.identify()
    under_way = asyncio.Semaphore(AT_A_TIME)

    async def one(report: LabelledReport) -> tuple[Observed, dict[str, list[Emitted]]]:
        async with under_way:
            return await _observed(report, extractor, model, build)

    began = monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(report)) for report in reports]
    return Measurement(
        model=model,
        prompt_set=extractor.prompt_set,
        reports=tuple(task.result()[0] for task in tasks),
        resources=tuple(task.result()[1] for task in tasks),
        seconds=monotonic() - began,
    )


async def _observed(
    labelled: LabelledReport, extractor: Extractor, model: ModelIdentity, build: Build
) -> tuple[Observed, dict[str, list[Emitted]]]:
    began = monotonic()
    gold = labelled.gold()
    try:
        report = await asyncio.to_thread(report_from_text, labelled.text.encode(), labelled.key)
        extraction = await extractor.extract(report, model)
    except (UnreadableReport, RequestRejected):
        unread = Observed(key=labelled.key, gold=tuple(gold.items()), found={}, unread=True)
        return unread, {}
    observed = observe(labelled.key, gold, extraction, monotonic() - began)
    return observed, emitted(await asyncio.to_thread(build, report, extraction))
