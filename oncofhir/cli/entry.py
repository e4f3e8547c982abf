"""The entry point `oncofhir`: how Ctrl-C and a closed pipe end a command. It imports only what it needs."""

import errno
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # a full disk, for example
OWN_PROCESS = "own process"  # the context's object: the command may set up the log of the process
_MESSAGE = b"oncofhir: interrupted\n"


def main() -> None:
    """Run the command line.

    Exit status 130: Ctrl-C; 0: the reader of stdout closed the pipe; 1: the disk is full.
    """
    _replace_closed_streams()
    # A shell may have SIGINT ignored (`trap "" INT`, nohup); then it stays ignored.
    handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handled:
        signal.signal(signal.SIGINT, _exit_at_once)
    from oncofhir.cli.main import app

    if handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app(prog_name="oncofhir", obj=OWN_PROCESS)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        _discard_output()
        os.write(sys.stderr.fileno(), f"oncofhir: cannot write: {error.strerror}\n".encode())
        sys.exit(1)
    except SystemExit as ended:
        # typer makes exit status 1 of a broken pipe, and 130 of Ctrl-C without a message.
        if isinstance(ended.__context__, BrokenPipeError):
            _discard_output()
            sys.exit(0)
        if isinstance(getattr(ended.__context__, "__cause__", None), KeyboardInterrupt):
            os.write(sys.stderr.fileno(), _MESSAGE)
        raise
    except KeyboardInterrupt:
        os.write(sys.stderr.fileno(), _MESSAGE)
        sys.exit(INTERRUPTED)


def _replace_closed_streams() -> None:
    """Let a stream that the shell closed (`>&-`) write to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _discard_output() -> None:
    """Write what is still buffered for stdout to nowhere: the interpreter flushes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_at_once(_: int, __: FrameType | None) -> None:
    """Exit while modules are imported: nothing is open yet."""
    os.write(sys.stderr.fileno(), _MESSAGE)
    os._exit(INTERRUPTED)
