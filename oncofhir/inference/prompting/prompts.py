"""Prompt sets: data files with a name and a version; another model is another file.

Source of the set `cancerllm`: CancerLLM's published code (design, "The model contract").
"""

import hashlib
import re
import tomllib
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import PromptSetIdentity

DIAGNOSIS = "diagnosis"
ALL_QUESTIONS = "all"
# Headings of two marks and more; tokens that a tokenizer would not read as text; characters that JSON or the
# servers refuse. The ends of lines are kept.
_STRUCTURE = re.compile(
    r"#{2,}|</?(?:s|bos|eos|pad|unk)>|<\|[^|<>\n]{1,40}\|>|\[/?INST\]|<<?/?SYS>>?|[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]",
    re.IGNORECASE,
)


class Format(Value):
    """How a prompt is written. `delimiters` are defused where a report's text holds them."""

    template: str
    delimiters: tuple[str, ...]
    stop: tuple[str, ...]
    max_new_tokens: PositiveInt


class ContextPolicy(Value):
    """What of a report the model is given: the whole text in windows, or sentences per question."""

    policy: Literal["window", "sentences"]
    max_input_tokens: PositiveInt = 1500
    max_characters: PositiveInt = 420
    lower_case: bool = False


class PhenotypePrompt(Value):
    """The phenotype questions; `input` has the places {text} and {question}."""

    instruction: str
    input: str
    questions: tuple[str, ...]


class DiagnosisPrompt(Value):
    """The diagnosis; its input is the report's sections as a numbered list."""

    instruction: str


class StructuredAnswers(Value):
    """The form of an answer to all questions at once: JSON of `schema`, a question for each key."""

    questions: dict[str, str]
    json_schema: dict[str, Any] = Field(alias="schema")


class PromptSet(Value):
    """All that decides what a model is asked. With `answers` one prompt asks all questions."""

    name: str
    version: str
    changelog: dict[str, str]
    format: Format
    context: ContextPolicy
    phenotype: PhenotypePrompt
    diagnosis: DiagnosisPrompt | None = None
    answers: StructuredAnswers | None = None
    sha256: str

    @model_validator(mode="after")
    def _asks_every_question(self) -> Self:
        if (self.diagnosis is None) == (self.answers is None):
            raise ValueError(
                "a prompt set has either a diagnosis prompt, or answers to all questions"
            )
        if self.answers and set(self.answers.questions.values()) != set(self.questions):
            raise ValueError("the answers are to other questions than the prompt set's")
        return self

    @property
    def identity(self) -> PromptSetIdentity:
        return PromptSetIdentity(name=self.name, version=self.version, sha256=self.sha256)

    @property
    def questions(self) -> tuple[str, ...]:
        """Every question, the diagnosis last."""
        return (*self.phenotype.questions, DIAGNOSIS)

    @property
    def overhead_prompts(self) -> tuple[str, ...]:
        """The prompts without a report's text: what every window pays for."""
        asked = (ALL_QUESTIONS,) if self.answers else self.questions
        return tuple(self.prompt(question, "") for question in asked)

    def prompt(self, question: str, text: str, *, is_escaped: bool = False) -> str:
        """The prompt that asks `question` about `text`; no text can close or open a section of it.

        `is_escaped`: the text is what `escape_structure` returned.
        """
        if not is_escaped:
            text = self.escape_structure(text)
        if question == DIAGNOSIS and self.diagnosis is not None:
            return self._fill_template(self.diagnosis.instruction, text)
        asked = self.phenotype.input.replace("{question}", question).replace("{text}", text)
        return self._fill_template(self.phenotype.instruction, asked)

    def _fill_template(self, instruction: str, asked: str) -> str:
        before, _, after = self.format.template.partition("{input}")
        return before.replace("{instruction}", instruction) + asked + after

    def escape_structure(self, text: str) -> str:
        """The text with nothing in it that is structure to the prompt or a token to the model.

        Section headings, the set's own delimiters, control tokens ("</s>", "[INST]"), control characters
        and lone surrogates become blanks, character by character: the length stays.
        """
        for delimiter in self.format.delimiters:
            words = r"\s*".join(map(re.escape, delimiter.split()))
            text = re.sub(words, _blanks, text, flags=re.IGNORECASE)
        return _STRUCTURE.sub(_blanks, text)


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


def prompt_set_names() -> tuple[str, ...]:
    """The names of the prompt sets that come with the package."""
    folder = files("oncofhir.inference.prompting").joinpath("prompt_sets")
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def load_prompt_set(name: str) -> PromptSet:
    """The prompt set of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in prompt_set_names():
        raise ValueError(f"no prompt set {name!r}; there are: {', '.join(prompt_set_names())}")
    raw = files("oncofhir.inference.prompting").joinpath("prompt_sets", f"{name}.toml").read_bytes()
    data = tomllib.loads(raw.decode())
    return PromptSet.model_validate({**data, "sha256": hashlib.sha256(raw).hexdigest()})
