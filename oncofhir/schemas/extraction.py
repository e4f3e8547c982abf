"""What the model answered and what was made of it, for one report."""

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Finding, RejectedFinding
from oncofhir.schemas.lesion import Lesion


class ModelIdentity(Value):
    """The model that answered: what the server says of itself.

    `digest` names the weights: TGI's `model_sha`, a file's sha256, or `unknown` when a server says
    neither. `server` and `server_version` name the software that serves it.
    """

    name: str
    digest: str
    server: str
    server_version: str | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None


class PromptSetIdentity(Value):
    """A prompt set: its name, its version and the sha256 of its content."""

    name: str
    version: str
    sha256: str


class Answer(Value):
    """A model's answer to one question.

    `confidence` is the geometric mean of the answer's token probabilities, None when the server
    gave none. `context` is what of the report was asked about: spans of `Report.text`.
    """

    question: str
    text: str
    finish_reason: str
    confidence: float | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    context: tuple[tuple[int, int], ...] = ()


class Usage(Value):
    """What a report cost at the model server. Seconds are wall-clock of the calls."""

    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


class Extraction(Value):
    """Everything that inference hands over: findings, most authoritative first within a kind and slot.

    `lesions` are the report's lesions, also those of the past; a finding names the one that supports it.
    """

    model: ModelIdentity
    prompt_set: PromptSetIdentity
    findings: tuple[Finding, ...]
    rejected: tuple[RejectedFinding, ...] = ()
    lesions: tuple[Lesion, ...] = ()
    answers: tuple[Answer, ...] = ()
    usage: Usage = Usage()
