"""llama.cpp's own server as a process, with the small model."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from oncofhir.demo.process import Process, free_port, responds

WINDOW = 512


@contextmanager
def llama_server() -> Iterator[str]:
    """Run it, and yield its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.llama_server", "--port", str(port)]
    command += ["--slots", "4", "--context-tokens", str(WINDOW)]
    with Process("llama-server", command, ready=lambda: responds(f"{url}/health")):
        yield url
