"""TGI's requests, their rules, and its error bodies.

Source: TGI v3.3.7, router/src/lib.rs, validation.rs and server.rs. Unknown keys are ignored, as TGI does.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

MAX_STOP_SEQUENCES = 4
MAX_TOP_TOKENS = 5
DEFAULT_NEW_TOKENS = 100


class TgiError(Exception):
    """An error response of TGI: HTTP status, `error_type`, message."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        return {"error": self.message, "error_type": self.error_type}


def invalid(message: str) -> TgiError:
    """Return a 422 validation error: sending the request again changes nothing."""
    return TgiError(422, "validation", f"Input validation error: {message}")


def overloaded_error() -> TgiError:
    """Return a 429: all permits are taken, and there is no queue."""
    return TgiError(429, "overloaded", "Model is overloaded")


def failed(message: str) -> TgiError:
    """Return a 424: the backend failed."""
    return TgiError(424, "generation", f"Request failed during generation: {message}")


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Parameters(_Lenient):
    """`parameters`. TGI samples if the object is missing, and does not if it is `{}`."""

    max_new_tokens: int | None = None
    do_sample: bool = False
    temperature: float | None = None
    top_p: float | None = None
    typical_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: list[str] = []
    truncate: int | None = None
    best_of: int | None = None
    seed: int | None = None
    top_n_tokens: int | None = None
    details: bool = False
    return_full_text: bool | None = None
    decoder_input_details: bool = False
    grammar: dict[str, Any] | None = None

    def check(self) -> Self:
        """Apply the rules of validation.rs.

        Raises:
            TgiError: 422, in TGI's words.
        """
        self._check_ranges()
        if len(self.stop) > MAX_STOP_SEQUENCES:
            given = len(self.stop)
            raise invalid(
                f"`stop` supports up to {MAX_STOP_SEQUENCES} stop sequences. Given: {given}"
            )
        if self.truncate is not None:
            raise invalid("`truncate` is not supported here: it would cut the instruction away")
        if self.grammar is not None and self.grammar.get("type") != "regex":
            _check_schema(self.grammar.get("value"))
        return self

    def _check_ranges(self) -> None:
        for name in ("temperature", "top_k", "repetition_penalty", "max_new_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise invalid(f"`{name}` must be strictly positive")
        for name in ("top_p", "typical_p"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise invalid(f"`{name}` must be > 0.0 and < 1.0")
        if not -2 <= (self.frequency_penalty or 0) <= 2:  # noqa: PLR2004
            raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
        if (self.best_of or 1) > 1:
            raise invalid(f"`best_of` must be > 0 and <= 1. Given: {self.best_of}")
        if not 0 <= (self.top_n_tokens or 0) <= MAX_TOP_TOKENS:
            raise invalid(
                f"`top_n_tokens` must be >= 0 and <= {MAX_TOP_TOKENS}. Given: {self.top_n_tokens}"
            )


def _check_schema(value: Any) -> None:
    """Refuse the JSON schemas that TGI refuses: without `properties`, or with a list of types.

    Raises:
        TgiError: 422.
    """
    schema = value.get("schema", value) if isinstance(value, dict) else value
    if not isinstance(schema, dict) or "properties" not in schema:
        raise invalid("grammar is not valid: a schema must have `properties`")
    within: list[Any] = [schema]
    while within:
        part = within.pop()
        if isinstance(part, dict):
            if isinstance(part.get("type"), list):
                raise invalid("grammar is not valid: `type` must be one type")
            within += part.values()
        elif isinstance(part, list):
            within += part


class GenerateRequest(_Lenient):
    """`POST /generate`."""

    inputs: str
    parameters: Parameters = Parameters(do_sample=True)


class CompletionsRequest(_Lenient):
    """The part of `POST /v1/completions` that TGI reads."""

    prompt: str | list[str]
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list[str] | str = []
    seed: int | None = None
    stream: bool = False

    @model_validator(mode="after")
    def _one_prompt(self) -> Self:
        if isinstance(self.prompt, list) and len(self.prompt) != 1:
            raise ValueError("one prompt a request")
        return self

    def parameters(self) -> Parameters:
        """Return the parameters of `/generate`; a temperature of 0 is greedy, a missing one samples."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        greedy = self.temperature == 0
        return Parameters(
            max_new_tokens=self.max_tokens,
            do_sample=not greedy,
            temperature=None if greedy else self.temperature,
            top_p=self.top_p,
            stop=stop,
            seed=self.seed,
            details=True,
        )


class Token(BaseModel):
    """One generated token."""

    id: int
    text: str
    logprob: float
    special: bool = False


class InputToken(BaseModel):
    """One token of a prompt; `size` is its bytes in the text, 0 for a special token."""

    id: int
    text: str
    size: int


class Generation(BaseModel):
    """What an engine generated. `text` ends with the stop string, as in TGI.

    `top_tokens` are the likeliest tokens of each step, if they were asked for.
    """

    text: str
    finish_reason: str
    tokens: list[Token]
    top_tokens: list[list[Token]] = []
    prompt_tokens: int
    cached_tokens: int = 0
    queue_seconds: float = 0.0
    inference_seconds: float = 0.0


class Info(BaseModel):
    """`GET /info`."""

    model_id: str
    model_sha: str | None
    model_pipeline_tag: str | None = "text-generation"
    max_concurrent_requests: int
    max_best_of: int = 1
    max_stop_sequences: int = MAX_STOP_SEQUENCES
    max_input_tokens: int
    max_total_tokens: int
    validation_workers: int = 1
    max_client_batch_size: int = 1
    router: str = "oncofhir-model-serve"
    version: str
    sha: str | None = None
    docker_label: str | None = None


def check_length(prompt_tokens: int, max_new_tokens: int, info: Info) -> None:
    """Check the two length rules in TGI's order, with TGI's messages.

    Raises:
        TgiError: 422.
    """
    if prompt_tokens + max_new_tokens > info.max_total_tokens:
        raise invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {info.max_total_tokens}. Given: "
            f"{prompt_tokens} `inputs` tokens and {max_new_tokens} `max_new_tokens`"
        )
    if prompt_tokens > info.max_input_tokens:
        raise invalid(
            f"`inputs` must have less than {info.max_input_tokens} tokens. Given: {prompt_tokens}"
        )
