"""Where a command begins: what ends it from outside, at any time, ends it without a traceback.

It imports nothing of weight itself: Ctrl-C may come while the rest is imported.
"""

import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line. Exit status 130: interrupted; 0 where whoever read stdout has had enough."""
    try:
        from oncofhir.cli.main import app, set_up_logging

        set_up_logging()
        app()
    except KeyboardInterrupt:
        print("oncofhir: interrupted", file=sys.stderr)  # noqa: T201 - typer is not there yet
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        # click makes 1 of a broken pipe
        if isinstance(ended.__context__, BrokenPipeError):
            _leave_stdout()
        raise
    except BrokenPipeError:
        _leave_stdout()


def _leave_stdout() -> None:
    """End quietly: what is left in the buffer has no reader, and would be complained about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
