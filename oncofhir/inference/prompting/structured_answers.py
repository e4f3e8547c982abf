"""One answer to all questions: JSON by a schema, taken apart into an answer a question.

A server may ignore the schema (vLLM does so with unknown fields), and a long answer may be cut off. What
can be read of the JSON is read, the last value only if it was finished; the rest has no answer.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from oncofhir.inference.clients.client import Completion
from oncofhir.schemas.extraction import Answer

Context = tuple[tuple[int, int], ...]


def parse_structured_answers(
    completion: Completion, questions: Mapping[str, str], context: Context
) -> tuple[Answer, ...]:
    """An answer for each question; its text is empty where the JSON says nothing.

    `questions` maps the JSON's keys to questions. Token counts are on the first answer alone.
    """
    values = _object_in(completion.text)
    found = []
    for at, (key, question) in enumerate(questions.items()):
        text = _plain(values.get(key))
        found.append(
            Answer(
                question=question,
                text=text,
                finish_reason=completion.finish_reason,
                confidence=_confidence(completion, key, text),
                prompt_tokens=completion.prompt_tokens if at == 0 else None,
                generated_tokens=completion.generated_tokens if at == 0 else None,
                context=context,
            )
        )
    return tuple(found)


def _object_in(text: str) -> dict[str, Any]:
    """The JSON object that the text holds, perhaps fenced or cut off; {} when there is none."""
    start = text.find("{")
    if start < 0:
        return {}
    body = text[start:]
    end = body.rfind("}")
    for candidate in (body[: end + 1], body):
        try:
            value = from_json(candidate, allow_partial=True)
        except ValueError:
            continue
        if isinstance(value, dict) and value:
            return value
    return {}


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_plain, value)))
    if isinstance(value, dict):
        pairs = ((key, _plain(of)) for key, of in value.items())
        return ", ".join(f"{key} {of}" for key, of in pairs if of)
    return ""


def _confidence(completion: Completion, key: str, text: str) -> float | None:
    """Of the tokens of the value behind its key."""
    if not text:
        return None
    written = re.search(
        rf"{re.escape(json.dumps(key))}\s*:\s*\"?({re.escape(json.dumps(text)[1:-1])})",
        completion.text,
    )
    if written is None:
        return completion.confidence
    return completion.confidence_of(*written.span(1))
