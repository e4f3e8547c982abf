"""llama.cpp in process (wheel `xllamacpp`), on CPU, over a GGUF file."""

import asyncio
import hashlib
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2

from oncofhir import __version__
from oncofhir.inference.server.protocol import (
    DEFAULT_NEW_TOKENS,
    Generation,
    Info,
    InputToken,
    Parameters,
    TgiError,
    Token,
    check_length,
    failed,
    invalid,
)
from oncofhir.inference.server.slots import Slots
from oncofhir.settings.extras import install_hint

_QUIET = -1


class ModelFileError(Exception):
    """The model cannot be loaded; the message has the remedy."""


class LlamaEngine:
    """A GGUF model on the CPU.

    `context_tokens` is the context of a slot, prompt and answer together; `slots` prompts run at a time.
    """

    def __init__(
        self,
        gguf: Path,
        *,
        context_tokens: int = 512,
        slots: int = 4,
        threads: int = 1,
        max_concurrent_requests: int = 128,
    ) -> None:
        """Load the model.

        Raises:
            ModelFileError: no such file, no GGUF, or `xllamacpp` is not installed or lacks a
                shared library.
        """
        if not gguf.is_file():
            raise ModelFileError(f"no model file {gguf}; name one with --gguf")
        try:
            import xllamacpp  # noqa: PLC0415 - an optional part
        except ModuleNotFoundError as error:
            raise ModelFileError(f"xllamacpp is not installed. {install_hint('demo')}") from error
        except ImportError as error:  # it is installed; a shared library that it needs is not
            raise ModelFileError(
                f"llama.cpp cannot be loaded: {error}; install the shared library that is named "
                "(libgomp.so.1 is in Debian's package libgomp1)"
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_ctx = context_tokens * slots
        params.n_parallel = slots
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.verbosity = _QUIET
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:
            raise ModelFileError(f"llama.cpp cannot load {gguf}: is it a GGUF file?") from error
        self._slots = Slots(slots)
        self._http = httpx2.AsyncClient(
            base_url=self._server.listening_address, trust_env=False, timeout=None
        )
        self._info = Info(
            model_id=gguf.stem,
            model_sha=hashlib.sha256(gguf.read_bytes()).hexdigest(),
            max_concurrent_requests=max_concurrent_requests,
            max_input_tokens=context_tokens - 1,
            max_total_tokens=context_tokens,
            version=__version__,
        )

    @property
    def info(self) -> Info:
        return self._info

    async def tokenize(self, text: str) -> list[InputToken]:
        body = {"content": text, "add_special": True, "with_pieces": True}
        answer = (await self._http.post("/tokenize", json=body)).json()
        own = {"content": text, "add_special": False, "with_pieces": False}
        count = len((await self._http.post("/tokenize", json=own)).json()["tokens"])
        special = len(answer["tokens"]) - count  # at the beginning
        return [
            InputToken(id=t["id"], text=_piece_text(t), size=_piece_size(t) if at >= special else 0)
            for at, t in enumerate(answer["tokens"])
        ]

    async def generate(self, prompt: str, parameters: Parameters) -> Generation:
        arrived = monotonic()
        wanted = parameters.max_new_tokens or DEFAULT_NEW_TOKENS
        async with self._slots.acquire(prompt) as slot:
            began = monotonic()
            body = _request(prompt, parameters, wanted) | {"id_slot": slot}
            answer = await asyncio.to_thread(self._server.handle_completions, body)
            made = _generation(answer, parameters, began - arrived, monotonic() - began)
        if parameters.max_new_tokens is not None:
            # llama.cpp itself refuses a prompt beyond its context, but does not count the answer
            check_length(made.prompt_tokens, parameters.max_new_tokens, self._info)
        return made

    async def aclose(self) -> None:
        await self._http.aclose()


def _request(prompt: str, parameters: Parameters, max_new_tokens: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "prompt": prompt,
        "n_predict": max_new_tokens,
        "temperature": (parameters.temperature or 1.0) if parameters.do_sample else 0.0,
        "stop": parameters.stop,
        "cache_prompt": True,
        "n_probs": max(1, parameters.top_n_tokens or 0),
        "stream": False,
    }
    if parameters.do_sample:
        optional = {"top_p": parameters.top_p, "top_k": parameters.top_k, "seed": parameters.seed}
        body |= {name: value for name, value in optional.items() if value is not None}
    if parameters.grammar is not None:
        body |= _grammar(parameters.grammar)
    return body


def _grammar(grammar: dict[str, Any]) -> dict[str, Any]:
    """Return the grammar of llama.cpp, which supports JSON schemas and no regular expressions."""
    kind, value = grammar.get("type"), grammar.get("value")
    if kind in {"json", "json_object"} and isinstance(value, dict):
        return {"json_schema": value}
    if kind == "json_schema" and isinstance(value, dict) and isinstance(value.get("schema"), dict):
        return {"json_schema": value["schema"]}
    raise invalid("grammar is not valid: this server supports grammars of type `json` only")


def _generation(
    answer: dict[str, Any], parameters: Parameters, queued: float, took: float
) -> Generation:
    error = answer.get("error")
    if error:
        raise _error(error, parameters)
    choice, usage = answer["choices"][0], answer.get("usage", {})
    found = (choice.get("logprobs") or {}).get("content") or []
    tokens = [_token(t) for t in found]
    tops = [[_token(top) for top in t.get("top_logprobs", ())] for t in found]
    text = choice["text"]
    return Generation(
        text=text,
        finish_reason=_finish_reason(choice.get("finish_reason"), tokens, parameters),
        tokens=tokens,
        top_tokens=tops if parameters.top_n_tokens else [],
        prompt_tokens=usage.get("prompt_tokens", 0),
        cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
        queue_seconds=queued,
        inference_seconds=took,
    )


def _token(entry: dict[str, Any]) -> Token:
    special = not entry.get("bytes")
    return Token(id=entry["id"], text=entry["token"], logprob=entry["logprob"], special=special)


def _piece_text(token: dict[str, Any]) -> str:
    """Return a token's text; llama.cpp gives bytes for a part of a character."""
    return token["piece"] if isinstance(token["piece"], str) else ""


def _piece_size(token: dict[str, Any]) -> int:
    piece = token["piece"]
    return len(piece.encode()) if isinstance(piece, str) else len(piece)


def _finish_reason(reason: str | None, tokens: list[Token], parameters: Parameters) -> str:
    if reason == "length":
        return "length"
    ended = bool(tokens) and tokens[-1].special
    return "eos_token" if ended or not parameters.stop else "stop_sequence"


def _error(error: dict[str, Any], parameters: Parameters) -> TgiError:
    """Map an error of llama.cpp, which returns 400 where TGI returns 422."""
    if error.get("type") == "exceed_context_size_error":
        given, wanted = error.get("n_prompt_tokens"), parameters.max_new_tokens
        return invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {error.get('n_ctx')}. Given: {given} "
            f"`inputs` tokens and {wanted} `max_new_tokens`"
            if wanted
            else f"`inputs` must have less than {error.get('n_ctx')} tokens. Given: {given}"
        )
    if error.get("code") == 400:  # noqa: PLR2004
        return invalid(str(error.get("message", "invalid request")))
    return failed("llama.cpp raised an error")
