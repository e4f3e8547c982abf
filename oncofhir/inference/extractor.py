"""Asks the questions of a report and hands over what its answers say: the room's one entrance."""

import asyncio
from time import monotonic
from typing import Protocol

from oncofhir.inference.interpret import interpret
from oncofhir.inference.prompted import first_of
from oncofhir.schemas.extraction import (
    Answer,
    Extraction,
    ModelIdentity,
    PromptSetIdentity,
    Usage,
)
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

    async def aclose(self) -> None:
        """Give back what is held."""
        ...


class Extractor:
    """Reports in, extractions out."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        minimum_confidence: float = 0.0,
        inferred_diagnosis: bool = True,
    ) -> None:
        self._answerer = answerer
        self._minimum_confidence = minimum_confidence
        self._inferred_diagnosis = inferred_diagnosis

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return self._answerer.prompt_set

    async def identify(self) -> ModelIdentity:
        """Who answers."""
        return await self._answerer.identify()

    async def extract(self, report: Report, model: ModelIdentity | None = None) -> Extraction:
        """Ask and interpret. Raises what `ModelClient` raises; no answer makes it raise.

        `model` is what `identify` said, when the caller has asked it already.
        """
        identity = model or await self._answerer.identify()
        began = monotonic()
        try:
            answers = await self._answerer.answer(report)
        except ExceptionGroup as group:
            raise first_of(group) from group
        seconds = monotonic() - began
        # in a thread: a report of a megabyte takes seconds, and the event loop has others to serve
        findings, rejected = await asyncio.to_thread(
            interpret,
            report,
            answers,
            minimum_confidence=self._minimum_confidence,
            inferred_diagnosis=self._inferred_diagnosis,
        )
        return Extraction(
            model=identity,
            prompt_set=self._answerer.prompt_set,
            findings=findings,
            rejected=rejected,
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
