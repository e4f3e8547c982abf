"""A simulated model server behind TGI's API, a process of its own whose log gives the figures.

    python -m benchmarks.simulated_model --port P [--mode tgi] [--speed 1]

The engine is that of `benchmarks.simulated_server`, in real time; `--speed 20` is twenty times as fast. The
servers' `/metrics` counts the prompt tokens that were computed.
"""

import argparse
import math
import socket

import uvicorn

from benchmarks.simulated_server import (
    CHARACTERS_PER_TOKEN,
    MODES,
    Mode,
    Overloaded,
    SimulatedServer,
)
from oncofhir.inference.server.app import create_app
from oncofhir.inference.server.protocol import (
    Generation,
    Info,
    InputToken,
    Parameters,
    Token,
    overloaded_error,
)


class SimulatedEngine:
    """See the module."""

    def __init__(self, mode: Mode) -> None:
        self._server = SimulatedServer(mode)

    @property
    def info(self) -> Info:
        return Info(
            model_id="simulated",
            model_sha="0" * 40,
            max_concurrent_requests=10_000,  # the engine has its own bound
            max_input_tokens=3999,
            max_total_tokens=4100,
            version="3.3.7",
        )

    async def tokenize(self, text: str) -> list[InputToken]:
        size = CHARACTERS_PER_TOKEN
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        return [InputToken(id=0, text=p, size=len(p.encode())) for p in pieces]

    async def generate(self, prompt: str, _: Parameters) -> Generation:
        try:
            served = await self._server.generate(prompt)
        except Overloaded as error:
            raise overloaded_error() from error
        return Generation(
            text="not mentioned",
            finish_reason="eos_token",
            tokens=[Token(id=1, text=" not", logprob=math.log(0.9))] * served.generated,
            prompt_tokens=served.prompt_tokens,
            cached_tokens=served.prompt_tokens - served.computed,
            queue_seconds=served.queue_seconds,
            inference_seconds=served.total_seconds - served.queue_seconds,
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=list(MODES), default="tgi")
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parser.parse_args()
    app = create_app(SimulatedEngine(MODES[arguments.mode].slower(1 / arguments.speed)))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.port))
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
