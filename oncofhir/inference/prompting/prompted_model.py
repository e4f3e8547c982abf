"""A model server asked with a prompt set: which prompts, in which order, and what its answers are."""

import asyncio
from collections.abc import Sequence

from oncofhir.inference.clients.client import Completion, CompletionRequest, ModelClient
from oncofhir.inference.prompting.prompts import ALL_QUESTIONS, DIAGNOSIS, PromptSet
from oncofhir.inference.prompting.questions import (
    AskedQuestion,
    questions_about_sentences,
    questions_about_windows,
)
from oncofhir.inference.prompting.structured_answers import parse_structured_answers
from oncofhir.inference.prompting.windows import Tokenizer, estimate_token_ends, windows
from oncofhir.schemas.errors import DependencyUnavailable, OncofhirError, RequestRejected
from oncofhir.schemas.extraction import Answer, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.report import Report

# Of the input limit: where tokens are estimated, text of another language or of numbers has more of them,
# and a server refuses a prompt that is too long with the same status as any other bad request.
_WINDOW_SHRINK_FACTORS = (1.0, 0.6, 0.3)


class PromptedModel:
    """A model server asked with a prompt set.

    The first question of a window is awaited before the others are sent, for TGI learns a prefix when
    a request has ended (spec tgi-and-kafka, A4); the diagnosis has another prefix and goes beside it.

    Args:
        client: the server.
        prompts: what it is asked.
        tokenizer: the model's own; default: the server is asked, and where it cannot tell, characters count.
        leader_first: False sends all questions together, for measurements.
    """

    def __init__(
        self,
        client: ModelClient,
        prompts: PromptSet,
        *,
        tokenizer: Tokenizer | None = None,
        leader_first: bool = True,
    ) -> None:
        self._client = client
        self._prompts = prompts
        self._tokenizer: Tokenizer = tokenizer or client
        self._leader_first = leader_first
        self._max_input_tokens: int | None = None
        self._overhead_tokens: int | None = None

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return self._prompts.identity

    async def identify(self) -> ModelIdentity:
        identity = await self._client.identify()
        self._max_input_tokens = identity.max_input_tokens
        if identity.max_input_tokens is None and identity.max_total_tokens is not None:
            self._max_input_tokens = identity.max_total_tokens - self._prompts.format.max_new_tokens
        return identity

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        if self._prompts.context.policy == "sentences":
            return await self._ask_windows(
                report, [list(questions_about_sentences(report, self._prompts))]
            )
        for share in _WINDOW_SHRINK_FACTORS[:-1]:
            try:
                return await self._ask_windows(report, await self._windows(report, share))
            except ExceptionGroup as group:
                if not isinstance(first_error(group), RequestRejected):
                    raise
        return await self._ask_windows(
            report, await self._windows(report, _WINDOW_SHRINK_FACTORS[-1])
        )

    async def _windows(self, report: Report, share: float) -> list[list[AskedQuestion]]:
        own = self._prompts.context.max_input_tokens
        limit = min(self._max_input_tokens or own, own)
        if self._overhead_tokens is None:
            longest = max(self._prompts.overhead_prompts, key=len)
            self._overhead_tokens = len(await self._token_ends(longest))
        most = max(1, int((limit - self._overhead_tokens) * share))
        # a token is one byte at least: most reports need no measuring
        fits = len(report.text.encode("utf-8", "replace")) <= most
        ends = () if fits else await self._token_ends(report.text)
        return questions_about_windows(report, self._prompts, windows(report, ends, most))

    async def _token_ends(self, text: str) -> tuple[int, ...]:
        """The text's token ends; estimated where they cannot be had: a prompt too long is cut shorter."""
        try:
            ends = await self._tokenizer.token_ends(self._prompts.escape_structure(text))
        except (RequestRejected, DependencyUnavailable):
            ends = None
        return ends or estimate_token_ends(text)

    async def _ask_windows(
        self, report: Report, asked: Sequence[Sequence[AskedQuestion]]
    ) -> tuple[Answer, ...]:
        answers: list[Answer] = []
        for questions in asked:
            answers += await self._ask_window(questions, report.text_sha256)
        return tuple(answers)

    async def _ask_window(self, questions: Sequence[AskedQuestion], affinity: str) -> list[Answer]:
        phenotypes = [q for q in questions if q.question != DIAGNOSIS]
        diagnosis = [q for q in questions if q.question == DIAGNOSIS]
        first, rest = phenotypes[:1], phenotypes[1:]
        if not self._leader_first:
            first, rest = phenotypes, []
        answers: list[Answer] = []
        for together in ([*first, *diagnosis], rest):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._ask(q, affinity, follows=together is rest))
                    for q in together
                ]
            answers += [answer for task in tasks for answer in task.result()]
        return answers

    async def _ask(
        self, asked: AskedQuestion, affinity: str, *, follows: bool
    ) -> tuple[Answer, ...]:
        structured = self._prompts.answers if asked.question == ALL_QUESTIONS else None
        completion = await self._client.complete(
            CompletionRequest(
                prompt=asked.prompt,
                max_new_tokens=self._prompts.format.max_new_tokens,
                stop=self._prompts.format.stop,
                json_schema=structured.json_schema if structured else None,
                affinity=affinity,
                follows=follows,
            )
        )
        if structured:
            return parse_structured_answers(completion, structured.questions, asked.context)
        return (_answer(asked, completion),)

    async def aclose(self) -> None:
        await self._client.aclose()


def _answer(asked: AskedQuestion, completion: Completion) -> Answer:
    return Answer(
        question=asked.question,
        text=completion.text.strip(),
        finish_reason=completion.finish_reason,
        confidence=completion.confidence,
        prompt_tokens=completion.prompt_tokens,
        generated_tokens=completion.generated_tokens,
        context=asked.context,
    )


def first_error(group: ExceptionGroup[Exception]) -> Exception:
    """The first error of a group: the calls of a report fail for the same cause or not at all."""
    error = group.exceptions[0]
    if isinstance(error, ExceptionGroup):
        return first_error(error)
    return error if isinstance(error, OncofhirError) else group
