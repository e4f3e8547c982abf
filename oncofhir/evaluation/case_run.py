"""Runs the pipeline over cases, from the text to the findings, and scores them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from oncofhir import __version__
from oncofhir.evaluation.cases import Case, CaseFile
from oncofhir.evaluation.run import AT_A_TIME
from oncofhir.evaluation.scoring.case_scores import CaseScore, score_case, totals
from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.terminology import TERMINOLOGY_VERSION

FORMAT = 1


async def case_result(file: CaseFile, extractor: Extractor) -> dict[str, Any]:
    """Extract every case's report and return the result; no text, value or identifier is in it.

    A report that cannot be read, or that the model server refuses, counts as having no findings.

    Raises:
        DependencyUnavailable, AccessDenied: the model does not answer.
    """
    model = await extractor.identify()
    under_way = asyncio.Semaphore(AT_A_TIME)

    async def one(case: Case) -> CaseScore | None:
        async with under_way:
            return await _scored(case, extractor, model)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(case)) for case in file.cases]
    found = [task.result() for task in tasks]
    scores = [score or score_case(case, ()) for case, score in zip(file.cases, found, strict=True)]
    return {
        "format": FORMAT,
        "dataset": {"sha256": file.sha256, "cases": len(file.cases)},
        "model": model.model_dump(mode="json"),
        "prompt_set": extractor.prompt_set.model_dump(mode="json"),
        "software": __version__,
        "terminology": TERMINOLOGY_VERSION,
        "totals": totals(scores),
        "groups": _by_group(scores),
        "unread": found.count(None),
        "reports": {
            case.key: {
                "right": len(score.right),
                "missing": len(score.missing),
                "wrong": len(score.wrong),
                "wrong_codes": len(score.wrong_codes),
            }
            for case, score in zip(file.cases, scores, strict=True)
        },
    }


async def _scored(case: Case, extractor: Extractor, model: ModelIdentity) -> CaseScore | None:
    try:
        report = await asyncio.to_thread(report_from_text, case.text.encode(), case.key)
        extraction = await extractor.extract(report, model)
    except (UnreadableReport, RequestRejected):
        return None
    return score_case(case, extraction.findings)


def _by_group(scores: Sequence[CaseScore]) -> dict[str, Any]:
    groups: dict[str, list[CaseScore]] = defaultdict(list)
    for score in scores:
        groups[score.group].append(score)
    return {name: totals(of_group) for name, of_group in groups.items()}
