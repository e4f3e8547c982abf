"""Describes why a connection failed, without addresses, text or identifiers."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator


def cause_of(error: BaseException) -> str:
    """Return the error's type and the cause beneath it: TLS, no such host, connection refused.

    HTTP clients raise ConnectError for all of these.
    """
    name = type(error).__name__
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return f"{name}, TLS: {cause.reason}"
        if isinstance(cause, socket.gaierror):
            return f"{name}: no such host"
        if (
            isinstance(cause, OSError)
            and cause.errno is not None
            and cause.errno in errno.errorcode
        ):
            return f"{name}: {os.strerror(cause.errno).lower()}"
    return name


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, the outermost first; of an exception group also its members."""
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
