"""The entry point `oncofhir`: how Ctrl-C and a closed pipe end a command. It imports only what it needs."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
OWN_PROCESS = "own process"  # the context's object: the command may set up the log of the process
_MESSAGE = b"oncofhir: interrupted\n"


def main() -> None:
    """Run the command line. Exit status 130: Ctrl-C; 0: the reader of stdout closed the pipe."""
    # A shell may have SIGINT ignored (`trap "" INT`, nohup); then it stays ignored.
    handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handled:
        signal.signal(signal.SIGINT, _exit_at_once)
    from oncofhir.cli.main import app

    if handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app(prog_name="oncofhir", obj=OWN_PROCESS)
    except SystemExit as ended:
        # typer makes exit status 1 of a broken pipe, and 130 of Ctrl-C without a message.
        if isinstance(ended.__context__, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        if isinstance(getattr(ended.__context__, "__cause__", None), KeyboardInterrupt):
            os.write(sys.stderr.fileno(), _MESSAGE)
        raise
    except KeyboardInterrupt:
        os.write(sys.stderr.fileno(), _MESSAGE)
        sys.exit(INTERRUPTED)


def _exit_at_once(_: int, __: FrameType | None) -> None:
    """Exit while modules are imported: nothing is open yet."""
    os.write(sys.stderr.fileno(), _MESSAGE)
    os._exit(INTERRUPTED)
