"""Parses attachments in child processes: a hostile document ends only its own child.

Rationale: docs/adr/0004-parsing-in-child-processes.md.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from multiprocessing.connection import wait

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from pydantic import PositiveFloat, PositiveInt

from oncofhir.fhir.intake.attachments import sniff
from oncofhir.fhir.intake.attachments.base64_data import base64_within
from oncofhir.fhir.intake.attachments.decoded_text import DecodedText
from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError

_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without its final NUL
_SOCKET_PATH_BYTES_BSD = 103
_SOCKET_NAME = "/pymp-12345678/listener-12345678"  # as multiprocessing names it
_PR_SET_PDEATHSIG = 1  # Linux, <linux/prctl.h>
_READER = "oncofhir.fhir.intake.attachments.sandbox"

Refusal = tuple[Reason, str | None, str | None]
"""An `UnreadableReport` as values: exceptions with arguments of their own do not travel."""


class ParsingBounds(Value):
    """Limits of one document in its child process, and the number of children.

    `memory_bytes` limits the child's address space (Linux; macOS does not enforce it). A child is replaced
    after `max_documents_per_process`, which bounds what a parser leaks.
    """

    processes: PositiveInt = 2
    seconds: PositiveFloat = 30.0
    memory_bytes: PositiveInt = 320 * 2**20
    max_documents_per_process: PositiveInt = 500


class ParsingPool:
    """A few long-lived children that parse; none starts before a document needs one.

    For use within one event loop, which it never blocks. `aclose` ends the children. They also end with
    this process, however it ends.
    """

    def __init__(self, bounds: ParsingBounds) -> None:
        """Start no child yet.

        Raises:
            SettingsError: the folder for temporary files has too long a name for the children's socket.
        """
        _check_temporary_folder()
        self._bounds = bounds
        self._pool: ProcessPool | None = None
        self._starting = asyncio.Lock()

    async def parse(
        self, data: bytes, content_type: str | None, path: str, limits: IntakeLimits
    ) -> DecodedText:
        """Parse an attachment: UTF-8 text in this process, where it is safe, everything else in a child.

        Raises:
            UnreadableReport: what `read_attachment` raises; parsing-timed-out; parser-crashed.
        """
        if len(data) > limits.max_attachment_bytes or is_harmless(data, content_type):
            return read_attachment(data, content_type, path, limits)
        work = (data, content_type, path, limits)
        try:
            future = self._scheduled(await self._started(), work)
        except RuntimeError:  # the pool of pebble is broken: its fork server was killed
            await self.aclose()
            future = self._scheduled(await self._started(), work)
        try:
            # A cancelled waiter cancels the future, and pebble then ends the child at work on it.
            result = await asyncio.wrap_future(future)
        except TimeoutError:
            raise UnreadableReport(Reason.PARSING_TIMED_OUT, path) from None
        except (ProcessExpired, MemoryError) as error:
            raise UnreadableReport(Reason.PARSER_CRASHED, path, type(error).__name__) from None
        if isinstance(result, DecodedText):
            return result
        raise UnreadableReport(*result)

    def _scheduled(
        self, pool: ProcessPool, work: tuple[bytes, str | None, str, IntakeLimits]
    ) -> "ProcessFuture[DecodedText | Refusal]":
        return pool.schedule(parsed, args=list(work), timeout=self._bounds.seconds)

    async def aclose(self) -> None:
        """End the children, also while they parse."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            await asyncio.to_thread(pool.join)

    async def _started(self) -> ProcessPool:
        async with self._starting:
            if self._pool is None:
                pool = ProcessPool(
                    max_workers=self._bounds.processes,
                    max_tasks=self._bounds.max_documents_per_process,
                    initializer=_confine,
                    initargs=[self._bounds.memory_bytes],
                    context=_context(),
                )
                self._pool = pool
                await asyncio.to_thread(_start, pool)
        return self._pool


def is_harmless(data: bytes, content_type: str | None) -> bool:
    """Return whether it is plain text in UTF-8, which only needs to be decoded."""
    if sniff.actual_type(data, content_type) not in {sniff.PLAIN, sniff.MARKDOWN}:
        return False
    if base64_within(data) is not None:  # of any document
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def parsed(
    data: bytes, content_type: str | None, path: str, limits: IntakeLimits
) -> DecodedText | Refusal:
    """Parse in the child; return the text, or the reason why there is none."""
    try:
        return read_attachment(data, content_type, path, limits)
    except UnreadableReport as error:
        return error.reason, error.location, error.detail
    except RecursionError:
        return Reason.UNREADABLE_DOCUMENT, path, "nested too deep"


def _check_temporary_folder() -> None:
    """Refuse a folder in which the fork server cannot make its socket: every document would wait for it."""
    length = len(os.fsencode(tempfile.gettempdir()))
    most = (_SOCKET_PATH_BYTES if sys.platform == "linux" else _SOCKET_PATH_BYTES_BSD) - len(
        _SOCKET_NAME
    )
    if length > most:
        raise SettingsError(
            f"the folder for temporary files has a name of {length} bytes, and the socket of the parsing "
            f"processes in it allows {most}: set TMPDIR to a folder with a shorter name"
        )


def _context() -> multiprocessing.context.ForkServerContext:
    """Return a fork server: it has no threads, unlike this process, and has imported the parsers."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_READER])
    return context


def _start(pool: ProcessPool) -> None:
    with suppress(CancelledError, ProcessExpired):
        pool.schedule(os.getpid).result()


def _confine(memory_bytes: int) -> None:
    """Set the limits of the child before any document, and end it with the parent."""
    import resource  # noqa: PLC0415 - not on Windows, where importing this module must not fail

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with suppress(OSError, ValueError):  # macOS knows the limit and may refuse it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a report's text
    if sys.platform == "linux":
        # The fork server ends with the process that it serves, so its children end with both.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=[parent.sentinel], daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
