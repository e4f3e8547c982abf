"""`oncofhir model serve`: a CPU server that speaks TGI's API."""

from pathlib import Path
from typing import Annotated

import typer

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail

app = typer.Typer(no_args_is_help=True, help="The embedded model.")


@app.callback()
def model() -> None:
    """The embedded model."""


@app.command()
def serve(
    gguf: Annotated[
        Path | None, typer.Option(help="A GGUF file; default: the small model of the package.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one, which is logged."),
    ] = 8081,
    context_tokens: Annotated[
        int, typer.Option(min=32, max=2**20, help="Window of a prompt and its answer.")
    ] = 512,
    slots: Annotated[int, typer.Option(min=1, max=256, help="Prompts worked on side by side.")] = 4,
    threads: Annotated[
        int, typer.Option(min=1, max=512, help="CPU threads a prompt is worked on with.")
    ] = 1,
    max_concurrent_requests: Annotated[int, typer.Option(min=1, help="Above it: 429.")] = 128,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File with a bearer token that callers must send.")
    ] = None,
) -> None:
    """Serve a model with TGI's HTTP API on the CPU: /generate, /info, /health, /metrics, /v1/completions.

    A stand-in for a GPU server; the worker talks to it as it talks to TGI. Exit status 0: it was
    stopped (SIGTERM, Ctrl-C); 2: the model cannot be loaded or the port is taken.
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
        fail(str(error), Exit.WRONG_USAGE)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}", Exit.WRONG_USAGE)
