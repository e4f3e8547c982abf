"""What of a report each question is asked about: the whole text in windows, or retrieved sentences."""

from collections.abc import Iterator

from oncofhir.inference.prompts import DIAGNOSIS, PromptSet
from oncofhir.inference.retrieval import excerpt, retrieve, sentences
from oncofhir.schemas.base import Value
from oncofhir.schemas.report import Report

CHARACTERS_PER_TOKEN = 3.2
OVERLAP_CHARACTERS = 400


class AskedQuestion(Value):
    """One question about one stretch of the report: the prompt, and the spans it shows the model."""

    question: str
    prompt: str
    context: tuple[tuple[int, int], ...]


def asked(
    report: Report, prompts: PromptSet, max_input_tokens: int | None, share: float = 1.0
) -> list[list[AskedQuestion]]:
    """The questions, a list a window; the first list's questions share the report's beginning.

    `max_input_tokens` is the server's limit; the prompt set's own counts if it is lower. Tokens are
    estimated from characters; `share` takes less of the limit, for text that has more tokens than estimated.
    """
    if prompts.context.policy == "sentences":
        return [list(_about_sentences(report, prompts))]
    limit = min(
        max_input_tokens or prompts.context.max_input_tokens, prompts.context.max_input_tokens
    )
    return [
        [_about_window(report, prompts, question, window) for question in prompts.questions]
        for window in windows(report.text, int(limit * share * CHARACTERS_PER_TOKEN))
    ]


def _about_sentences(report: Report, prompts: PromptSet) -> Iterator[AskedQuestion]:
    for question in prompts.questions:
        context = retrieve(report.text, question, prompts.context.max_characters)
        if not context:
            continue  # nothing in the report bears on it: the model is not asked
        text = excerpt(report.text, question, prompts.context.max_characters)
        if question == DIAGNOSIS:
            text = f"1) Report: {text}"
        yield AskedQuestion(
            question=question, prompt=prompts.prompt(question, text), context=context
        )


def _about_window(
    report: Report, prompts: PromptSet, question: str, window: tuple[int, int]
) -> AskedQuestion:
    start, end = window
    text = " ".join(report.text[start:end].split())
    if question == DIAGNOSIS:
        text = _numbered(report, start, end)
    return AskedQuestion(
        question=question, prompt=prompts.prompt(question, text), context=(window,)
    )


def _numbered(report: Report, start: int, end: int) -> str:
    """The window's sections as the numbered list that CancerLLM was tuned on."""
    inside = [s for s in report.sections if s.start < end and s.end > start]
    if not inside:
        return "1) Report: " + " ".join(report.text[start:end].split())
    lines = []
    for number, section in enumerate(inside, start=1):
        body = report.text[max(start, section.start) : min(end, section.end)]
        body = body.removeprefix(section.title).lstrip(" :\n\t")
        title = " ".join(section.title.strip(" :").split()).capitalize()
        lines.append(f"{number}) {title}: {' '.join(body.split())}")
    return "\n".join(lines)


def windows(text: str, longest: int) -> list[tuple[int, int]]:
    """Spans of at most `longest` characters, cut at sentence ends, each overlapping the one before."""
    if len(text) <= longest:
        return [(0, len(text))]
    found: list[tuple[int, int]] = []
    spans = list(sentences(text))
    first = 0
    while first < len(spans):
        last = first
        while last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= longest:
            last += 1
        found.append((spans[first][0], spans[last][1]))
        if last + 1 == len(spans):
            break
        following = last + 1
        while (
            following - 1 > first and spans[last][1] - spans[following - 1][0] <= OVERLAP_CHARACTERS
        ):
            following -= 1
        first = following
    return found
