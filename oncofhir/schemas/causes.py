"""Why a connection failed, in words that hold no address, text or identifier."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator


def cause_of(error: BaseException) -> str:
    """The error's type, and beneath it what the system, or TLS, said: refused, no such host.

    HTTP clients name all of these ConnectError.
    """
    said = type(error).__name__
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return f"{said}, TLS: {cause.reason}"
        if isinstance(cause, socket.gaierror):
            return f"{said}: no such host"
        if (
            isinstance(cause, OSError)
            and cause.errno is not None
            and cause.errno in errno.errorcode
        ):
            return f"{said}: {os.strerror(cause.errno).lower()}"
    return said


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, the outermost first; of a group its members."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        waiting += [cause.__cause__, cause.__context__]
