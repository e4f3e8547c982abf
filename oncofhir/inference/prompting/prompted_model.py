"""A model server with a prompt set: which prompts, in which order, and what the answers are."""

import asyncio
from collections.abc import Sequence

import structlog

from oncofhir.inference.clients.client import Completion, ModelClient
from oncofhir.inference.clients.tgi import SERVER as TGI
from oncofhir.inference.prompting.model_prompt_sets import prompt_set_of
from oncofhir.inference.prompting.prompt_checks import (
    AnswerChecks,
    PromptCut,
    check_prompt_set_accepted,
    completion_request,
)
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

log = structlog.get_logger(__name__)

# Fractions of the input limit. Estimated token counts may be too low (another language, many numbers), and
# a server rejects a prompt that is too long with the status of any other bad request.
_WINDOW_SHRINK_FACTORS = (1.0, 0.6, 0.3)
_SPECIAL_TOKENS = 4  # added by the model or a chat template
# vLLM caches a block while it is computed; the others learn a prefix when a request has ended.
_SHARES_PREFIXES_AT_ONCE = frozenset({"vllm"})


class PromptedModel:
    """A model server with a prompt set.

    The first question of a window is awaited before the others are sent, for TGI learns a prefix when a
    request has ended. The diagnosis has another prefix and is sent together with the first question. A server
    that shares prefixes at once gets all questions together.

    Args:
        client: the server.
        prompts: the questions.
        tokenizer: the model's own. Default: the server counts tokens; if it cannot, characters are counted.
        leader_first: True or False fixes the order of the questions. Default: as the server needs it.
    """

    def __init__(
        self,
        client: ModelClient,
        prompts: PromptSet,
        *,
        tokenizer: Tokenizer | None = None,
        leader_first: bool | None = None,
    ) -> None:
        self._client = client
        self._prompts = prompts
        self._tokenizer: Tokenizer = tokenizer or client
        self._checks = AnswerChecks(self._tokenizer)
        self._fixed_order = leader_first
        self._leader_first = leader_first is not False
        self._max_input_tokens: int | None = None
        self._overhead_tokens: int | None = None
        self._identified: tuple[str, str] | None = None

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return self._prompts.identity

    async def identify(self) -> ModelIdentity:
        identity = await self._client.identify()
        self._max_input_tokens = input_limit(identity, self._prompts.format.max_new_tokens)
        if self._fixed_order is None:
            self._leader_first = identity.server not in _SHARES_PREFIXES_AT_ONCE
        if (identity.name, identity.digest) != self._identified:
            self._warn_about_prompt_set(identity)
            if self._prompts.answers and identity.server == TGI:
                # TGI compiles a grammar at its first use, half a minute in which nobody is answered
                await check_prompt_set_accepted(self._client, self._prompts)
            self._identified = (identity.name, identity.digest)
        return identity

    async def model_that_answered(self, report: Report) -> ModelIdentity:
        return await self._client.identify(report.text_sha256)

    def _warn_about_prompt_set(self, identity: ModelIdentity) -> None:
        own = prompt_set_of(identity.name)
        if own is not None and own != self._prompts.name:
            log.warning(
                "the model was trained on another prompt set; set ONCOFHIR_MODEL__PROMPT_SET",
                model=identity.name,
                prompt_set=self._prompts.name,
                prompt_set_of_model=own,
            )

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        shrink_factors: Sequence[float] = _WINDOW_SHRINK_FACTORS
        if self._prompts.context.policy == "sentences":
            shrink_factors = shrink_factors[:1]
        for attempt, factor in enumerate(shrink_factors, start=1):
            try:
                return await self._ask_windows(report, await self._questions(report, factor))
            except ExceptionGroup as group:
                error = first_error(group)
                if not isinstance(error, RequestRejected):
                    raise
                if isinstance(error, PromptCut):
                    self._max_input_tokens = error.tokens  # until the server is identified again
                    log.warning("model server cuts prompts; using its limit", tokens=error.tokens)
                else:
                    await check_prompt_set_accepted(self._client, self._prompts)
                if attempt == len(shrink_factors):
                    raise
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    async def _questions(self, report: Report, factor: float) -> Sequence[Sequence[AskedQuestion]]:
        if self._prompts.context.policy == "sentences":
            return [list(questions_about_sentences(report, self._prompts))]
        own = self._prompts.context.max_input_tokens
        limit = min(self._max_input_tokens or own, own)
        if self._overhead_tokens is None:
            longest = max(self._prompts.overhead_prompts, key=len)
            self._overhead_tokens = len(await self._token_ends(longest)) + _SPECIAL_TOKENS
        most = max(1, int((limit - self._overhead_tokens) * factor))
        # a token is one byte at least: most reports need no counting
        fits = len(report.text.encode("utf-8", "replace")) <= most
        ends = () if fits else await self._token_ends(report.text)
        return questions_about_windows(report, self._prompts, windows(report, ends, most))

    async def _token_ends(self, text: str) -> tuple[int, ...]:
        """Return the text's token ends, estimated if the server cannot count them."""
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
        completion = await self._client.complete(
            completion_request(
                self._prompts, asked.question, asked.prompt, affinity=affinity, follows=follows
            )
        )
        await self._checks.check(asked.prompt, completion)
        if self._prompts.answers and asked.question == ALL_QUESTIONS:
            questions = self._prompts.answers.questions
            return parse_structured_answers(completion, questions, asked.context)
        return (_answer(asked, completion),)

    async def aclose(self) -> None:
        await self._client.aclose()


def input_limit(identity: ModelIdentity, max_new_tokens: int) -> int | None:
    """Return how many tokens a prompt may have, with room for the answer; None if the server has no limit.

    TGI's own default for the prompt, max_total_tokens - 1, leaves no room.
    """
    limits = [identity.max_input_tokens]
    if identity.max_total_tokens is not None:
        limits.append(identity.max_total_tokens - max_new_tokens)
    return min((limit for limit in limits if limit is not None), default=None)


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
    """Return the first error of a group. The calls of a report fail for the same cause."""
    error = group.exceptions[0]
    if isinstance(error, ExceptionGroup):
        return first_error(error)
    return error if isinstance(error, OncofhirError) else group
