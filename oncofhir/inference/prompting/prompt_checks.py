"""Tells a wrong setting from a bad prompt, and notices that a server cut a prompt.

A server answers 400 or 422 for a report that is too long and for a setting that is wrong: no chat template
(TGI: 422 `template_error`), a context smaller than the prompt set needs (llama.cpp: 400
`exceed_context_size_error`), a grammar that it does not support. The first is one report's dead letter, the
second would be that of every report. So after a rejection a plain prompt of the same prompt set is sent.
"""

import structlog

from oncofhir.inference.clients.client import Completion, CompletionRequest, ModelClient
from oncofhir.inference.prompting.prompts import ALL_QUESTIONS, PromptSet
from oncofhir.inference.prompting.windows import Tokenizer
from oncofhir.schemas.errors import OncofhirError, RequestRejected, UnsuitableServer
from oncofhir.schemas.reasons import Reason

log = structlog.get_logger(__name__)

_PLAIN = "The specimen is received in formalin and consists of a piece of tan tissue. "
_PLAIN_CHARACTERS = 420
# Characters per token above which a prompt may have been cut. English text has 3 to 5.
_SUSPICIOUS, _IMPOSSIBLE = 5.0, 9.0
_FEW_TOKENS = 32
_TOLERANCE_TOKENS = 8  # special tokens, and tokens that join at the borders


def completion_request(
    prompts: PromptSet, question: str, prompt: str, *, affinity: str = "", follows: bool = False
) -> CompletionRequest:
    """Build the request for a prompt of the set."""
    structured = prompts.answers if question == ALL_QUESTIONS else None
    return CompletionRequest(
        prompt=prompt,
        max_new_tokens=prompts.format.max_new_tokens,
        stop=prompts.format.stop,
        json_schema=structured.json_schema if structured else None,
        affinity=affinity,
        follows=follows,
    )


async def check_prompt_set_accepted(client: ModelClient, prompts: PromptSet) -> None:
    """Send a plain prompt: after a rejection, or to have a server compile the answers' grammar.

    Raises:
        UnsuitableServer: the plain prompt is rejected too.
        DependencyUnavailable, AccessDenied: as `ModelClient`.
    """
    question = ALL_QUESTIONS if prompts.answers else prompts.questions[0]
    most = min(prompts.context.max_characters, _PLAIN_CHARACTERS)
    text = (_PLAIN * (most // len(_PLAIN) + 1))[:most]
    prompt = prompts.prompt(question, text)
    try:
        await client.complete(completion_request(prompts, question, prompt))
    except RequestRejected as error:
        raise UnsuitableServer(
            Reason.MODEL_UNSUITABLE,
            error.location,
            f"{error.detail}: the server rejects every prompt of the prompt set {prompts.name}; check "
            "ONCOFHIR_MODEL__PROMPT_SET, ONCOFHIR_MODEL__API and the server's context size",
        ) from error


class PromptCut(RequestRejected):
    """The server read only `tokens` tokens of a longer prompt, and answered as if they were all."""

    def __init__(self, tokens: int, of: int | None) -> None:
        self.tokens = tokens
        has = f" of {of}" if of else ""
        super().__init__(
            Reason.MODEL_REJECTED_PROMPT,
            None,
            f"the server cut the prompt: it read {tokens}{has} tokens",
        )


class AnswerChecks:
    """Checks completions for what their server did not say: a cut prompt, missing log-probabilities."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._suspicious = _SUSPICIOUS
        self._has_warned = False

    async def check(self, prompt: str, completion: Completion) -> None:
        """Warn once about missing log-probabilities; refuse an answer to a prompt that was cut.

        Raises:
            PromptCut: the server read fewer tokens than the prompt has.
        """
        if completion.text.strip() and not completion.tokens and not self._has_warned:
            self._has_warned = True
            log.warning(
                "model server returns no log-probabilities: findings have no confidence "
                "(TGI returns them with ONCOFHIR_MODEL__API=tgi only)"
            )
        read = completion.prompt_tokens
        if read is None or len(prompt) < _FEW_TOKENS * _SUSPICIOUS:
            return
        per_token = len(prompt) / max(read, 1)
        if per_token > self._suspicious:
            await self._verify(prompt, read, per_token)

    async def _verify(self, prompt: str, read: int, per_token: float) -> None:
        try:
            ends = await self._tokenizer.token_ends(prompt)
        except OncofhirError:
            ends = None
        was_cut = len(ends) > read + _TOLERANCE_TOKENS if ends else per_token > _IMPOSSIBLE
        if was_cut:
            raise PromptCut(read, len(ends) if ends else None)
        if ends:  # the tokenizer is that dense: no need to count the next prompt like this one
            self._suspicious = max(self._suspicious, per_token)
