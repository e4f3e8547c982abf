"""Where a command begins: what ends it from outside, at any time, ends it without a traceback.

It imports nothing of weight itself: Ctrl-C may come while the rest is imported.
"""

import atexit
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line. Exit status 130: interrupted; 0 where whoever read stdout has had enough."""
    interrupted: list[bool] = []
    # The first that is registered is the last that is called: everything else has ended by then.
    atexit.register(_exit_as_interrupted, interrupted)
    try:
        before = signal.signal(signal.SIGINT, _leave_at_once)
        from oncofhir.cli.main import app, set_up_logging

        signal.signal(signal.SIGINT, before)
        set_up_logging()
        app()
    except BaseException as ended:
        if _is_interrupt(ended):
            interrupted.append(True)
            sys.exit(INTERRUPTED)
        # click makes 1 of a broken pipe
        if isinstance(ended, BrokenPipeError) or isinstance(ended.__context__, BrokenPipeError):
            _leave_stdout()
        raise


def _leave_at_once(_: int, __: FrameType | None) -> None:
    """Exit while modules are imported: nothing is open yet, and an exception might be renamed on its way."""
    os.write(sys.stderr.fileno(), b"oncofhir: interrupted\n")
    os._exit(INTERRUPTED)


def _is_interrupt(ended: BaseException) -> bool:
    """Whether Ctrl-C ended the command, as itself or in the shape that others gave it.

    typer makes an exit of it; Python before 3.12 a RuntimeError while a class names its attributes.
    """
    if isinstance(ended, SystemExit):
        return ended.code == INTERRUPTED
    if isinstance(ended, KeyboardInterrupt) or isinstance(ended.__cause__, KeyboardInterrupt):
        print("oncofhir: interrupted", file=sys.stderr)  # noqa: T201 - typer may not be there yet
        return True
    return False


def _exit_as_interrupted(interrupted: list[bool]) -> None:
    """Exit with 130 where `python -m` would kill itself with SIGINT instead.

    It does so, whoever caught the interrupt, once it has passed an `exec`, as of a dataclass
    (CPython's `_Py_UnhandledKeyboardInterrupt`).
    """
    if interrupted:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(INTERRUPTED)


def _leave_stdout() -> None:
    """End quietly: what is left in the buffer has no reader, and would be complained about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
