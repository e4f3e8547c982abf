"""The log of a command: warnings on stderr, because stdout is for results."""

import sys


def log_to_stderr(*, owns_process: bool) -> None:
    """Send the log of oncofhir to stderr, and in a process of its own that of libraries too.

    The worker and the servers, which log to stdout, set up their own log afterwards.
    """
    from oncofhir.settings import LogSettings
    from oncofhir.telemetry.logging import CurrentStderr, configure, configure_structlog

    settings = LogSettings(level="WARNING")
    if owns_process:
        configure(settings, sys.stderr)
    else:
        configure_structlog(settings, CurrentStderr())
