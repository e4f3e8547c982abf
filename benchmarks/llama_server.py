"""llama.cpp's own HTTP server as a process: `python -m benchmarks.llama_server --port P`. SIGTERM ends it."""

import argparse
import signal
from pathlib import Path

import xllamacpp

from oncofhir.inference.server.serve import WEIGHTS


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gguf", type=Path, default=WEIGHTS)
    parser.add_argument("--alias", help="the model's name in /v1/models; default: the file's path")
    parser.add_argument("--slots", type=int, default=9)
    parser.add_argument("--context-tokens", type=int, default=2048)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    params = xllamacpp.CommonParams()
    params.model.path = str(arguments.gguf)
    if arguments.alias:
        params.model_alias = {arguments.alias}
    params.hostnames, params.port = ["127.0.0.1"], arguments.port
    params.n_parallel = arguments.slots
    params.n_ctx = arguments.context_tokens * arguments.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.endpoint_metrics = True
    params.verbosity = -1
    server = xllamacpp.Server(params)
    try:
        signal.pause()
    except KeyboardInterrupt:
        del server


if __name__ == "__main__":
    main()
