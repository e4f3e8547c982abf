"""Asks the questions of a report and hands over what its answers say: the room's one entrance."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Protocol

from oncofhir.inference.calibration import Calibration
from oncofhir.inference.interpretation.candidates import QUESTION_KINDS
from oncofhir.inference.interpretation.interpret import interpreted
from oncofhir.inference.prompting.prompted_model import first_error
from oncofhir.schemas.errors import ModelReplaced
from oncofhir.schemas.extraction import (
    Answer,
    Extraction,
    ModelIdentity,
    PromptSetIdentity,
    Usage,
)
from oncofhir.schemas.finding import Finding, Kind, RejectedFinding
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


class Answerer(Protocol):
    """Whatever answers the questions of a report: a prompted model, or rules."""

    @property
    def prompt_set(self) -> PromptSetIdentity:
        """What decides the questions."""
        ...

    async def identify(self) -> ModelIdentity:
        """Who answers. Raises what `ModelClient` raises."""
        ...

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        """The answers. Raises what `ModelClient` raises."""
        ...

    async def model_that_answered(self, report: Report) -> ModelIdentity:
        """Ask again which model is where the report's questions were answered. Raises as `identify`."""
        ...

    async def aclose(self) -> None:
        """Give back what is held."""
        ...


class Extractor:
    """Reports in, extractions out.

    Confidences are calibrated when `calibration` is of the very model and prompt set that answer;
    `minimum_confidence`, and `minimums` by kind, are compared with what comes of it.
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        minimum_confidence: float = 0.0,
        minimums: Mapping[Kind, float] | None = None,
        calibration: Calibration | None = None,
        inferred_diagnosis: bool = True,
    ) -> None:
        self._answerer = answerer
        self._minimum_confidence = minimum_confidence
        self._minimums = minimums
        self._calibration = calibration
        self._inferred_diagnosis = inferred_diagnosis

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return self._answerer.prompt_set

    async def identify(self) -> ModelIdentity:
        """Who answers."""
        return await self._answerer.identify()

    async def extract(self, report: Report, model: ModelIdentity | None = None) -> Extraction:
        """Ask and interpret. Raises what `ModelClient` raises; no answer makes it raise.

        `model` is what `identify` said, when the caller has asked it already. The model is asked for again
        after its answers, for another one may have been put at its address, also where no request failed.

        Raises:
            ModelReplaced: it is another one now. Nothing shows which of the two gave the answers.
        """
        identity = model or await self._answerer.identify()
        began = monotonic()
        try:
            answers = await self._answerer.answer(report)
        except ExceptionGroup as group:
            raise first_error(group) from group
        seconds = monotonic() - began
        after = await self._answerer.model_that_answered(report)
        if (after.name, after.digest) != (identity.name, identity.digest):
            raise ModelReplaced(
                Reason.MODEL_REPLACED,
                None,
                f"digest {identity.digest[:12]}, then {after.digest[:12]}",
            )
        calibration = self._calibration
        if calibration is not None and not calibration.applies_to(identity, self.prompt_set):
            calibration = None
        # in a thread: a report of a megabyte takes seconds, and the event loop has others to serve
        findings, rejected, lesions = await asyncio.to_thread(
            interpreted,
            report,
            answers if calibration is None else _calibrated(answers, calibration),
            minimum_confidence=self._minimum_confidence,
            minimums=self._minimums,
            inferred_diagnosis=self._inferred_diagnosis,
        )
        if calibration is not None:
            findings = tuple(f.model_copy(update=_marked(f)) for f in findings)
            rejected = tuple(r.model_copy(update=_marked(r)) for r in rejected)
        return Extraction(
            model=identity,
            prompt_set=self._answerer.prompt_set,
            findings=findings,
            rejected=rejected,
            lesions=lesions,
            answers=answers,
            usage=Usage(
                requests=len(answers),
                prompt_tokens=sum(a.prompt_tokens or 0 for a in answers),
                generated_tokens=sum(a.generated_tokens or 0 for a in answers),
                seconds=seconds,
            ),
        )

    async def aclose(self) -> None:
        await self._answerer.aclose()


def _calibrated(answers: tuple[Answer, ...], calibration: Calibration) -> tuple[Answer, ...]:
    """The answers as interpretation is to weigh them; the extraction keeps what the server gave."""
    return tuple(
        answer.model_copy(
            update={"confidence": calibration.of(QUESTION_KINDS.get(answer.question), confidence)}
        )
        if (confidence := answer.confidence) is not None
        else answer
        for answer in answers
    )


def _marked(result: Finding | RejectedFinding) -> dict[str, bool]:
    return {"calibrated": result.confidence is not None}
