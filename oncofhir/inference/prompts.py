"""Prompt sets: data files with a name and a version; another model is another file.

Source of the set `cancerllm`: CancerLLM's published code (design, "The model contract").
"""

import hashlib
import tomllib
from importlib.resources import files
from typing import Literal

from pydantic import PositiveInt

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import PromptSetIdentity

DIAGNOSIS = "diagnosis"


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


class PromptSet(Value):
    """All that decides what a model is asked."""

    name: str
    version: str
    changelog: dict[str, str]
    format: Format
    context: ContextPolicy
    phenotype: PhenotypePrompt
    diagnosis: DiagnosisPrompt
    sha256: str

    @property
    def identity(self) -> PromptSetIdentity:
        return PromptSetIdentity(name=self.name, version=self.version, sha256=self.sha256)

    @property
    def questions(self) -> tuple[str, ...]:
        """Every question, the diagnosis last."""
        return (*self.phenotype.questions, DIAGNOSIS)

    def prompt(self, question: str, text: str) -> str:
        """The prompt that asks `question` about `text`; no text can close or open a section of it."""
        text = self.defused(text)
        if question == DIAGNOSIS:
            return self._filled(self.diagnosis.instruction, text)
        asked = self.phenotype.input.replace("{question}", question).replace("{text}", text)
        return self._filled(self.phenotype.instruction, asked)

    def _filled(self, instruction: str, asked: str) -> str:
        before, _, after = self.format.template.partition("{input}")
        return before.replace("{instruction}", instruction) + asked + after

    def defused(self, text: str) -> str:
        """The text without the template's section headings: runs of # become as many blanks.

        The length stays, so offsets into the text stay true.
        """
        return text.replace("#", " ")


def available() -> tuple[str, ...]:
    """The names of the prompt sets that come with the package."""
    folder = files("oncofhir.inference").joinpath("prompt_sets")
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def load_prompt_set(name: str) -> PromptSet:
    """The prompt set of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in available():
        raise ValueError(f"no prompt set {name!r}; there are: {', '.join(available())}")
    raw = files("oncofhir.inference").joinpath("prompt_sets", f"{name}.toml").read_bytes()
    data = tomllib.loads(raw.decode())
    return PromptSet.model_validate({**data, "sha256": hashlib.sha256(raw).hexdigest()})
