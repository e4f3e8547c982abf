"""Selects the text for each question: the whole report in windows, or retrieved sentences."""

from collections.abc import Iterator, Sequence

from oncofhir.inference.prompting.prompts import ALL_QUESTIONS, DIAGNOSIS, PromptSet
from oncofhir.inference.prompting.retrieval import excerpt, retrieve
from oncofhir.inference.prompting.windows import Span
from oncofhir.schemas.base import Value
from oncofhir.schemas.report import Report


class AskedQuestion(Value):
    """One question about a part of the report: the prompt, and the spans that it shows the model."""

    question: str
    prompt: str
    context: tuple[tuple[int, int], ...]


def questions_about_sentences(report: Report, prompts: PromptSet) -> Iterator[AskedQuestion]:
    """Return the questions with the sentences relevant to each; a question without any is not asked."""
    for question in prompts.questions:
        context = retrieve(report.text, question, prompts.context.max_characters)
        if not context:
            continue
        text = excerpt(report.text, question, prompts.context.max_characters)
        if question == DIAGNOSIS:
            text = f"1) Report: {text}"
        yield AskedQuestion(
            question=question, prompt=prompts.prompt(question, text), context=context
        )


def questions_about_windows(
    report: Report, prompts: PromptSet, spans: Sequence[Span]
) -> list[list[AskedQuestion]]:
    """Return a list of questions per window; a prompt set that asks everything at once has one question."""
    questions = (ALL_QUESTIONS,) if prompts.answers else prompts.questions
    return [_about_window(report, prompts, questions, span) for span in spans]


def _about_window(
    report: Report, prompts: PromptSet, questions: Sequence[str], window: Span
) -> list[AskedQuestion]:
    start, end = window
    # escaped once for all questions
    words = prompts.escape_structure(" ".join(report.text[start:end].split()))
    return [
        AskedQuestion(
            question=question,
            prompt=prompts.prompt(question, _numbered(report, start, end))
            if question == DIAGNOSIS
            else prompts.prompt(question, words, is_escaped=True),
            context=(window,),
        )
        for question in questions
    ]


def _numbered(report: Report, start: int, end: int) -> str:
    """Format the window's sections as the numbered list that CancerLLM was tuned on."""
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
