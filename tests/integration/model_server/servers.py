"""llama.cpp's own server as a process, and a second set of weights for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.server.serve import WEIGHTS

WINDOW = 512


class LlamaServer(Process):
    """llama.cpp's own server on a free loopback port, or on one that another had before."""

    def __init__(
        self, gguf: Path = WEIGHTS, *, alias: str | None = None, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        command = [sys.executable, "-m", "benchmarks.llama_server", "--port", str(self.port)]
        command += ["--slots", "4", "--context-tokens", str(WINDOW), "--gguf", str(gguf)]
        command += ["--alias", alias] if alias else []
        super().__init__("llama-server", command, ready=lambda: responds(f"{self.url}/health"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def llama_server() -> Iterator[str]:
    """Run it with the small model, and yield its URL."""
    with LlamaServer() as server:
        yield server.url


def other_weights(folder: Path, number: int) -> Path:
    """Write a copy of the small model in which the lowest bits of a few weights differ, by number."""
    content = bytearray(WEIGHTS.read_bytes())
    for at in range(1, 64):  # near the end of the last tensor
        content[-at] ^= (number >> (at % 8)) & 1
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / WEIGHTS.name
    copy.write_bytes(content)
    return copy
