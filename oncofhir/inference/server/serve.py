"""Runs the model server: `python -m oncofhir.inference.server.serve`, which `oncofhir model serve` calls."""

import argparse
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from oncofhir.inference.server.app import create_app
from oncofhir.inference.server.llama import LlamaEngine, ModelFileError

WEIGHTS = Path(__file__).parents[2] / "demo" / "weights" / "oncofhir-small.gguf"
WRONG_USAGE = 2

log = structlog.get_logger("oncofhir.model")


def serve(
    gguf: Path = WEIGHTS,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    context_tokens: int = 512,
    slots: int = 4,
    threads: int = 1,
    max_concurrent_requests: int = 128,
    api_key: str | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished first.

    Raises:
        ModelFileError: the model cannot be loaded.
        OSError: the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        engine = LlamaEngine(
            gguf,
            context_tokens=context_tokens,
            slots=slots,
            threads=threads,
            max_concurrent_requests=max_concurrent_requests,
        )
        app = create_app(engine, api_key=api_key)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        with _stopping_is_no_failure(server):
            log.info(
                "serving",
                model=engine.info.model_id,
                digest=engine.info.model_sha,
                port=listener.getsockname()[1],
            )
            server.run(sockets=[listener])
    log.info("stopped")


@contextmanager
def _stopping_is_no_failure(server: uvicorn.Server) -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after a graceful stop."""

    def stop(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    before = {}
    with suppress(ValueError):  # signals arrive in the main thread only
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, default=WEIGHTS)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    try:
        serve(arguments.gguf, host=arguments.host, port=arguments.port)
    except ModelFileError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_USAGE)


if __name__ == "__main__":
    main()
