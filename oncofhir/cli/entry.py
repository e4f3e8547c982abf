"""Where a command begins: what ends it from outside, at any time, ends it without a traceback.

It imports nothing of weight itself: Ctrl-C may come while the rest is imported.
"""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130
_STDERR = 2
_AGAIN_SECONDS = 0.05


def main() -> None:
    """Run the command line. Exit status 130: interrupted; 0 where whoever read stdout has had enough."""
    interrupted: list[bool] = []
    # The first that is registered is the last that is called: everything else has ended by then.
    atexit.register(_exit_as_interrupted, interrupted)
    sys.unraisablehook = _interrupt_again
    try:
        # Where the shell has us ignore it, it stays ignored.
        listens = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if listens:
            signal.signal(signal.SIGINT, _leave_at_once)
        from oncofhir.cli.main import app, set_up_logging

        if listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        set_up_logging()
        app()
    except BaseException as ended:
        if _is_interrupt(ended):
            interrupted.append(True)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
            sys.exit(INTERRUPTED)
        # click makes 1 of a broken pipe
        of_click = isinstance(ended, SystemExit) and isinstance(ended.__context__, BrokenPipeError)
        if isinstance(ended, BrokenPipeError) or of_click:
            _leave_stdout()
        raise


def _leave_at_once(_: int, __: FrameType | None) -> None:
    """Exit while modules are imported: nothing is open yet, and an exception might be renamed on its way."""
    with suppress(OSError):
        os.write(_STDERR, b"oncofhir: interrupted\n")
    os._exit(INTERRUPTED)


def _interrupt_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Repeat an interrupt that came within a callback, as of the import system, where Python drops it."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident or 0
        again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main_thread, signal.SIGINT))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _is_interrupt(ended: BaseException) -> bool:
    """Whether Ctrl-C ended the command, as itself or in the shape that others gave it.

    typer makes an exit of it; Python before 3.12 a RuntimeError while a class names its attributes.
    """
    if isinstance(ended, SystemExit):
        return ended.code == INTERRUPTED
    if isinstance(ended, KeyboardInterrupt) or isinstance(ended.__cause__, KeyboardInterrupt):
        with suppress(OSError):
            os.write(_STDERR, b"oncofhir: interrupted\n")
        return True
    return False


def _exit_as_interrupted(interrupted: list[bool]) -> None:
    """Exit with 130 where `python -m` would kill itself with SIGINT instead.

    It does so, whoever caught the interrupt, once it has passed an `exec`, as of a dataclass
    (CPython's `_Py_UnhandledKeyboardInterrupt`).
    """
    if interrupted:
        for stream in (sys.stdout, sys.stderr):
            # Its reader may be gone, or it never was.
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(INTERRUPTED)


def _leave_stdout() -> None:
    """End quietly: what is left in the buffer has no reader, and would be complained about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
