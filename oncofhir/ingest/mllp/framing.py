r"""The Minimal Lower Layer Protocol: `<VT> message <FS><CR>` (HL7 v2.5.1 Implementation Guide, C.4).

Pure: bytes go in, frames come out, whatever the chunks. Tolerated: no CR behind FS, white space between
frames. Everything else is an event of its own, so that no message is acknowledged that did not arrive whole.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_START, _END = 0x0B, 0x1C
_BETWEEN = b"\r\n\t \x00"
_HEAD_BYTES = 4096  # kept of a frame that is too large: enough to answer its MSH


class Framing(StrEnum):
    """How a frame arrived."""

    WHOLE = "whole"
    UNFINISHED = "unfinished"
    """The next frame began, or the connection ended, before its end block."""
    TOO_LARGE = "too-large"
    OUTSIDE = "outside"
    """Bytes that are in no frame."""


@dataclass(frozen=True)
class Frame:
    """A frame, or what is none. `content` of a frame that is too large is its head."""

    framing: Framing
    content: bytes = field(repr=False)


class FrameReader:
    """Finds frames in a stream. At most `max_bytes` of a frame are kept."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._content = bytearray()
        self._is_inside = False
        self._is_too_large = False
        self._has_outside = False

    @property
    def is_inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._is_inside

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that end in these bytes. Bytes outside of frames are one event for each gap."""
        position = 0
        while position < len(data):
            if self._is_inside:
                position = yield from self._inside(data, position)
            else:
                position = yield from self._outside(data, position)

    def finish(self) -> Iterator[Frame]:
        """Yield what the end of the stream leaves unfinished."""
        if self._is_inside:
            yield self._take(Framing.UNFINISHED)

    def _outside(self, data: bytes, position: int) -> Generator[Frame, None, int]:
        start = data.find(_START, position)
        gap = data[position : start if start >= 0 else len(data)]
        if gap.strip(_BETWEEN + bytes([_END])) and not self._has_outside:
            self._has_outside = True
            yield Frame(Framing.OUTSIDE, b"")
        if start < 0:
            return len(data)
        self._is_inside, self._has_outside = True, False
        return start + 1

    def _inside(self, data: bytes, position: int) -> Generator[Frame, None, int]:
        ends = [at for mark in (_START, _END) if (at := data.find(mark, position)) >= 0]
        end = min(ends, default=len(data))
        self._add(data[position:end])
        if end == len(data):
            return end
        if data[end] == _END:
            yield self._take(Framing.WHOLE)
            self._is_inside = False
        else:
            yield self._take(Framing.UNFINISHED)
        return end + 1

    def _add(self, data: bytes) -> None:
        free = self._max_bytes - len(self._content)
        self._is_too_large |= len(data) > free
        self._content += data[: max(free, 0)]
        if self._is_too_large:
            del self._content[_HEAD_BYTES:]

    def _take(self, framing: Framing) -> Frame:
        content = bytes(self._content)
        found = Frame(Framing.TOO_LARGE if self._is_too_large else framing, content)
        self._content = bytearray()
        self._is_too_large = False
        return found


def framed(message: bytes) -> bytes:
    """Return a message in a frame."""
    return bytes([_START]) + message + bytes([_END]) + b"\r"
