"""Asks the questions of a report and hands over what its answers say: the room's one entrance."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from oncofhir.inference.client import CompletionRequest, ModelClient
from oncofhir.inference.interpret import interpret
from oncofhir.inference.prompts import DIAGNOSIS, PromptSet
from oncofhir.inference.questions import AskedQuestion, asked
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.extraction import (
    Answer,
    Extraction,
    ModelIdentity,
    PromptSetIdentity,
    Usage,
)
from oncofhir.schemas.report import Report

# Of the input limit: text of another language or of numbers has more tokens than its characters tell, and a
# server refuses a prompt that is too long with the same status as any other bad request.
_SHARES = (1.0, 0.6, 0.3)


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


class PromptedModel:
    """A model server asked with a prompt set.

    The first question of a window is awaited before the others are sent, for TGI learns a prefix when
    a request has ended (spec tgi-and-kafka, A4); the diagnosis has another prefix and goes beside it.
    """

    def __init__(self, client: ModelClient, prompts: PromptSet) -> None:
        self._client = client
        self._prompts = prompts
        self._max_input_tokens: int | None = None

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return self._prompts.identity

    async def identify(self) -> ModelIdentity:
        identity = await self._client.identify()
        self._max_input_tokens = identity.max_input_tokens
        return identity

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        shares = _SHARES if self._prompts.context.policy == "window" else _SHARES[:1]
        for share in shares[:-1]:
            try:
                return await self._answered(report, share)
            except ExceptionGroup as group:
                if not isinstance(_first(group), RequestRejected):
                    raise
        return await self._answered(report, shares[-1])

    async def _answered(self, report: Report, share: float) -> tuple[Answer, ...]:
        answers: list[Answer] = []
        for questions in asked(report, self._prompts, self._max_input_tokens, share):
            answers += await self._of_window(questions)
        return tuple(answers)

    async def _of_window(self, questions: Sequence[AskedQuestion]) -> list[Answer]:
        phenotypes = [q for q in questions if q.question != DIAGNOSIS]
        leaders = [*phenotypes[:1], *(q for q in questions if q.question == DIAGNOSIS)]
        async with asyncio.TaskGroup() as group:
            first = [group.create_task(self._ask(q)) for q in leaders]
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._ask(q)) for q in phenotypes[1:]]
        return [task.result() for task in (*first, *others)]

    async def _ask(self, question: AskedQuestion) -> Answer:
        completion = await self._client.complete(
            CompletionRequest(
                prompt=question.prompt,
                max_new_tokens=self._prompts.format.max_new_tokens,
                stop=self._prompts.format.stop,
            )
        )
        return Answer(
            question=question.question,
            text=completion.text.strip(),
            finish_reason=completion.finish_reason,
            confidence=completion.confidence,
            prompt_tokens=completion.prompt_tokens,
            generated_tokens=completion.generated_tokens,
            context=question.context,
        )

    async def aclose(self) -> None:
        await self._client.aclose()


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
            raise _first(group) from group
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


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group: the calls of a report fail for the same cause or not at all."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
