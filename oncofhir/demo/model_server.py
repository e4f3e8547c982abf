"""The embedded model server: the small model behind TGI's API, on llama.cpp."""

import sys
from pathlib import Path

from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.server.serve import WEIGHTS

PROMPT_SET = "oncofhir-small"


class EmbeddedModelServer(Process):
    """`oncofhir model serve` on a free loopback port."""

    def __init__(self, port: int | None = None, gguf: Path = WEIGHTS) -> None:
        self.port = port or free_port()
        module = "oncofhir.inference.server.serve"
        command = [sys.executable, "-m", module, "--port", str(self.port), "--gguf", str(gguf)]
        super().__init__("model-server", command, ready=lambda: responds(f"{self.url}/health"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
