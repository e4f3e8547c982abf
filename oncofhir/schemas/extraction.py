"""The model's answers about one report, and what was extracted from them."""

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Finding, RejectedFinding
from oncofhir.schemas.lesion import Lesion

UNDETERMINED = "undetermined:"


class ModelIdentity(Value):
    """The model that answered.

    `digest` identifies the weights: TGI's `model_sha`, a sha256, or what the site has set. If there is none,
    it is "undetermined:" and the model's name. `server` and `server_version` name the serving software.
    """

    name: str
    digest: str
    server: str
    server_version: str | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None

    @property
    def has_digest(self) -> bool:
        """Whether the weights are identified. 0.1.0 wrote "unknown" if they were not."""
        return not self.digest.startswith(UNDETERMINED) and self.digest != "unknown"


class PromptSetIdentity(Value):
    """A prompt set: its name, its version and the sha256 of its content."""

    name: str
    version: str
    sha256: str


class Answer(Value):
    """A model's answer to one question.

    `confidence` is the geometric mean of the answer's token probabilities, None if the server returned none.
    `context` are the parts of the report that the question was about: spans of `Report.text`.
    """

    question: str
    text: str
    finish_reason: str
    confidence: float | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    context: tuple[tuple[int, int], ...] = ()


class Usage(Value):
    """The cost of a report at the model server. `seconds` is the wall-clock time of the calls."""

    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


class Extraction(Value):
    """The result of inference for one report.

    `findings` has the most authoritative first within a kind and slot. `lesions` are the report's lesions,
    also those of the past; a finding names the one that supports it.
    """

    model: ModelIdentity
    prompt_set: PromptSetIdentity
    findings: tuple[Finding, ...]
    rejected: tuple[RejectedFinding, ...] = ()
    lesions: tuple[Lesion, ...] = ()
    answers: tuple[Answer, ...] = ()
    usage: Usage = Usage()
