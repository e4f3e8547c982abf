"""`oncofhir model`: a CPU server with TGI's API, and the digest of a model's weights."""

from pathlib import Path
from typing import Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.help import add, new_group


def model() -> None:
    """Serve a small model on the CPU, with the API of Text Generation Inference (TGI).

    Examples:
        oncofhir model serve --port 8081
    """


def serve(
    gguf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="GGUF file. Default: the small model of this package."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Port to listen on. 0: a free port, which is logged.",
        ),
    ] = 8081,
    context_tokens: Annotated[
        int,
        typer.Option(
            metavar="N", min=32, max=2**20, help="Context window: tokens of prompt and answer."
        ),
    ] = 512,
    slots: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Prompts processed in parallel.")
    ] = 4,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="CPU threads per prompt.")
    ] = 1,
    max_concurrent_requests: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Reject with HTTP 429 above this many concurrent requests.",
        ),
    ] = 128,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File with a bearer token that clients must send. Default: none."
        ),
    ] = None,
) -> None:
    """Serve a model on the CPU with TGI's HTTP API: /generate, /info, /health, /metrics, /v1/completions.

    It replaces a GPU server for trying things out: the worker connects to it as to TGI. It needs the extra
    "demo".

    Examples:
        oncofhir model serve --port 8081
        oncofhir extract --model http://localhost:8081 report.txt

    Exit status: 0 stopped by SIGTERM or Ctrl-C; 2 the model cannot be loaded or the port is in use.
    """
    from oncofhir.inference.server.llama import ModelFileError
    from oncofhir.inference.server.serve import WEIGHTS
    from oncofhir.inference.server.serve import serve as run
    from oncofhir.settings import SettingsError, read_secret
    from oncofhir.telemetry.logging import configure

    configure(settings_or_exit().log)
    try:
        run(
            gguf or WEIGHTS,
            host=host,
            port=port,
            context_tokens=context_tokens,
            slots=slots,
            threads=threads,
            max_concurrent_requests=max_concurrent_requests,
            api_key=read_secret(api_key_file),
        )
    except (ModelFileError, SettingsError) as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}", ExitStatus.WRONG_USAGE)


def digest(
    folder: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder of the checkpoint, or a GGUF file.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the digest alone into this file."),
    ] = None,
) -> None:
    """Print the digest that identifies a model's weights, as one JSON line.

    Set it as ONCOFHIR_MODEL__DIGEST for a server that reports none (vLLM, llama.cpp, TGI with local weights),
    or start the server under a name that holds it: NAME@sha256-DIGEST.

    Exit status: 2 the folder holds no weights (*.safetensors, *.bin, *.gguf).

    Examples:
        oncofhir model digest /models/cancerllm-7b
    """
    from oncofhir.cli.output import json_line
    from oncofhir.inference.clients.weights import weights_digest

    try:
        found = weights_digest(folder)
    except ValueError as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    json_line({"name": folder.resolve().name.removesuffix(".gguf"), "digest": found})
    if out is not None:
        out.write_text(found, encoding="ascii")


app = new_group(model)
add(app, "serve", serve)
add(app, "digest", digest)
