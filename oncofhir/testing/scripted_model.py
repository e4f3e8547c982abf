"""A model server with TGI's API and scripted answers, for tests of everything else.

It is a process of its own on a real socket, with TGI's routes, rules and error bodies (those of
`oncofhir model serve`), and no model behind them.

    python -m oncofhir.testing.scripted_model --script script.json --port 0

prints `{"port": …}`. The script is a list of rules; the first whose `contains` strings all stand in the
prompt answers: `{"contains": ["tumor size"], "answer": "2.3 cm", "delay_seconds": 0, "status": 200}`. A
`status` of 422, 424, 429 or 503 answers with TGI's error. Without a match the answer is "not mentioned".
`GET /_scripted` gives the counts of requests; `POST /_scripted` takes `{"down": true}` (every generation is
424 until `{"down": false}`), `{"delay_seconds": 0.1}`, `{"model_sha": "…"}`, `{"reset": true}` (the
counts) or `{"script": […]}`.
"""

import argparse
import asyncio
import json
import math
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import uvicorn
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.inference.server.app import create_app
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
    overloaded_error,
)

UNMATCHED = "not mentioned"
_WORD = re.compile(r"\s*\S+|\s+")
_ERRORS = {422: invalid("scripted"), 424: failed("scripted"), 429: overloaded_error()}


class Rule(BaseModel):
    """One rule of the script."""

    contains: list[str] = []
    answer: str = UNMATCHED
    delay_seconds: float = 0.0
    status: int = 200
    probability: float = 0.9


class ScriptedEngine:
    """An engine that answers by rules. A token is a word."""

    def __init__(
        self,
        rules: Sequence[Rule],
        max_concurrent_requests: int = 128,
        model_id: str = "scripted",
    ) -> None:
        self.rules = list(rules)
        self.down = False
        self.delay_seconds = 0.0
        self.requests = 0
        self.answered = 0
        self._info = Info(
            model_id=model_id,
            model_sha="0" * 40,
            max_concurrent_requests=max_concurrent_requests,
            max_input_tokens=3999,
            max_total_tokens=4000,
            version="3.3.7",
        )

    @property
    def info(self) -> Info:
        return self._info

    def serve(self, model_sha: str | None) -> None:
        """Report another model digest from now on."""
        self._info = self._info.model_copy(update={"model_sha": model_sha})

    async def tokenize(self, text: str) -> list[InputToken]:
        words = _WORD.findall(text)
        return [InputToken(id=n, text=w, size=len(w.encode())) for n, w in enumerate(words)]

    async def generate(self, prompt: str, parameters: Parameters) -> Generation:
        max_new_tokens = parameters.max_new_tokens or DEFAULT_NEW_TOKENS
        check_length(len(_WORD.findall(prompt)), max_new_tokens, self._info)
        self.requests += 1
        rule = self._rule(prompt)
        await asyncio.sleep(self.delay_seconds + rule.delay_seconds)
        if self.down:
            raise failed("scripted outage")
        if rule.status != 200:  # noqa: PLR2004
            raise _ERRORS.get(rule.status) or TgiError(rule.status, "healthcheck", "scripted")
        words = _WORD.findall(rule.answer)
        tokens = [
            Token(id=n, text=word, logprob=math.log(rule.probability))
            for n, word in enumerate(words)
        ][:max_new_tokens]
        self.answered += 1
        return Generation(
            text="".join(token.text for token in tokens),
            finish_reason="eos_token" if len(words) <= max_new_tokens else "length",
            tokens=tokens,
            prompt_tokens=len(_WORD.findall(prompt)),
        )

    def _rule(self, prompt: str) -> Rule:
        matching = (r for r in self.rules if all(part in prompt for part in r.contains))
        return next(matching, Rule())

    async def aclose(self) -> None:
        """Nothing is held."""


def _routes(engine: ScriptedEngine) -> list[Route]:
    async def control(request: Request) -> Response:
        if request.method == "POST":
            control = await request.json()
            engine.down = control.get("down", engine.down)
            engine.delay_seconds = control.get("delay_seconds", engine.delay_seconds)
            if control.get("reset"):
                engine.requests = engine.answered = 0
            if "model_sha" in control:
                engine.serve(control["model_sha"])
            if "script" in control:
                engine.rules = [Rule.model_validate(rule) for rule in control["script"]]
        return JSONResponse(
            {"requests": engine.requests, "answered": engine.answered, "down": engine.down}
        )

    return [Route("/_scripted", control, methods=["GET", "POST"])]


class ScriptedModel:
    """The scripted server as a process, for tests: a context manager with `url` and `control`."""

    def __init__(
        self, script: Sequence[dict[str, Any]], *, max_concurrent_requests: int = 128
    ) -> None:
        from oncofhir.demo.process import Process, free_port, responds  # noqa: PLC0415

        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(list(script), file)
        self._file = Path(file.name)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = Process(
            "scripted-model",
            [
                sys.executable,
                "-m",
                "oncofhir.testing.scripted_model",
                "--script",
                str(self._file),
                "--port",
                str(port),
                "--max-concurrent-requests",
                str(max_concurrent_requests),
            ],
            ready=lambda: responds(f"{self.url}/health"),
        )

    def control(self, **changes: Any) -> dict[str, Any]:
        """Change the server's behaviour (or nothing), and return its counts."""
        answer = httpx2.post(f"{self.url}/_scripted", json=changes, trust_env=False)
        return dict(answer.json())

    def start(self) -> None:
        self._process.start()

    def stop_process(self) -> None:
        """Stop it so that it can be started again."""
        self._process.stop()

    def stop(self) -> None:
        self._process.stop()
        self._file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--max-concurrent-requests", type=int, default=128)
    parser.add_argument("--model-id", default="scripted", help="what /info names")
    arguments = parser.parse_args()
    rules = [Rule.model_validate(rule) for rule in json.loads(arguments.script.read_text())]
    engine = ScriptedEngine(rules, arguments.max_concurrent_requests, arguments.model_id)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((arguments.host, arguments.port))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)  # noqa: T201
    config = uvicorn.Config(
        create_app(engine, more=_routes(engine)), log_config=None, access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
