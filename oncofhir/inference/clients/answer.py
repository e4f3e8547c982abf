"""From what a server generated to an answer: without stop strings, end token and reasoning.

Servers differ in what they return with the answer: TGI keeps the stop string in the text, vLLM and
llama.cpp list the end token among the log-probabilities, models that reason begin with `<think>…</think>`.
An answer and its confidence are the same for the same output on every API.
"""

import re
from collections.abc import Sequence

from oncofhir.inference.clients.client import Completion, CompletionRequest, GeneratedToken
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason

# TGI: eos_token, stop_sequence, length; OpenAI's API: stop, length. Others (abort, error, content_filter,
# tool_calls) are not an answer. An absent reason counts as an answer if there is text.
_COMPLETE = frozenset({"eos_token", "stop_sequence", "stop", "length", "unknown"})
_NAMES = r"(?:seed:)?think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis"
# What closes reasoning. gpt-oss (Harmony) closes it by the channel `final`; without its control tokens the
# channels' names stand bare: "analysis…assistantfinal".
_END = (
    rf"</(?:{_NAMES})>|\[/THINK\]|\u25c1/think\u25b7|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>"
    r"|assistantfinal"
)
_REASONING = re.compile(
    rf"\A\s*(?:(?:<({_NAMES})>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)"
    r"|\u25c1think\u25b7.*?(?:\u25c1/think\u25b7|\Z)|<\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)"
    r"|<\|channel\|>(?!final).*?(?:<\|channel\|>final<\|message\|>|\Z)|analysis(?=[A-Z]).*?assistantfinal)\s*)+",
    re.DOTALL | re.IGNORECASE,
)
# Chat templates of some models open the reasoning in the prompt: the answer holds its end alone.
_REASONING_END = re.compile(
    rf"\A.*?(?:</(?:{_NAMES})>|\[/THINK\]|\u25c1/think\u25b7|<\|end_of_thought\|>)\s*",
    re.DOTALL | re.IGNORECASE,
)
_CLOSED = re.compile(rf"(?:{_END})\s*\Z", re.IGNORECASE)
_MAY_REASON = re.compile(r"[<\[\u25c1]|\A\s*analysis")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}\Z")


def no_answer(address: str, detail: str) -> DependencyUnavailable:
    """Return the error for a response without an answer. It is never read as "nothing found"."""
    return DependencyUnavailable(Reason.MODEL_NO_ANSWER, address, detail)


def code(value: object) -> str:
    """Return a code that a server sent, such as an error type; "other" for anything longer or stranger.

    A server's free text may quote the prompt, so it never reaches a message.
    """
    return value if isinstance(value, str) and _CODE.match(value) else "other"


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """Return the text before the first stop string (TGI keeps it: router/src/server.rs)."""
    cut = min((at for s in stop if (at := text.find(s)) >= 0), default=len(text))
    return text[:cut]


def answer_of(
    request: CompletionRequest,
    text: str | None,
    finish_reason: str | None,
    tokens: Sequence[GeneratedToken],
    *,
    address: str,
    prompt_tokens: int | None = None,
    generated_tokens: int | None = None,
    queue_seconds: float | None = None,
    step_seconds: float | None = None,
) -> Completion:
    """Build the completion from what a server generated.

    Raises:
        DependencyUnavailable: model-no-answer; generation was aborted, filtered or failed, or it ended
            inside the model's reasoning.
    """
    reason = finish_reason or "unknown"
    if reason not in _COMPLETE:
        raise no_answer(address, f"finish_reason {code(reason)}")
    if text is None or (finish_reason is None and not text):
        raise no_answer(address, "the answer has no content")
    start = _reasoning_end(text, address)
    answer = cut_at_stop(text[start:], request.stop)
    return Completion(
        text=answer,
        finish_reason=reason,
        tokens=_tokens_of(text, start, start + len(answer), tokens, ended=reason != "length"),
        prompt_tokens=prompt_tokens,
        generated_tokens=generated_tokens,
        queue_seconds=queue_seconds,
        step_seconds=step_seconds,
    )


def _reasoning_end(text: str, address: str) -> int:
    """Return where the answer begins, behind the reasoning."""
    if not _MAY_REASON.search(text):
        return 0
    found = _REASONING.match(text)
    if found is None:
        found = _REASONING_END.match(text)
        return found.end() if found else 0
    if not _CLOSED.search(found[0]):
        raise no_answer(
            address, "it ends inside the model's reasoning: switch reasoning off at the server"
        )
    return found.end()


def _tokens_of(
    text: str, start: int, end: int, tokens: Sequence[GeneratedToken], *, ended: bool
) -> tuple[GeneratedToken, ...]:
    """Return the tokens of `text[start:end]`.

    A token without text is part of a character that the next token completes, or the end token.
    """
    at = -"".join(token.text for token in tokens).find(text)
    if (
        at > 0 or not text
    ):  # the tokens' texts are not the answer's: only the end token can be left out
        return () if start == end else tuple(tokens[:-1] if ended and len(tokens) > 1 else tokens)
    within = []
    for token in tokens:
        if at < end and (at + len(token.text) > start or (not token.text and at >= start)):
            within.append(token)
        at += len(token.text)
    return tuple(within)
