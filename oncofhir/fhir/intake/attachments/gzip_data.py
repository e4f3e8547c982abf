"""Decompresses gzip data (RFC 1952) within a bound of size, all members of it."""

import zlib

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_GZIP_FORMAT = zlib.MAX_WBITS | 16
_PADDING = b"\x00"  # tapes and some writers fill the last block


def gunzip(data: bytes, max_bytes: int, path: str) -> bytes:
    """Decompress every member of `data`.

    Raises:
        UnreadableReport: attachment-too-large (decompressed), unreadable-document (broken or truncated, or
            followed by something that is not gzip).
    """
    pieces: list[bytes] = []
    left = max_bytes
    while data:
        inflater = zlib.decompressobj(_GZIP_FORMAT)
        try:
            piece = inflater.decompress(data, left + 1)
        except zlib.error:
            detail = "gzip" if not pieces else "data behind the end of gzip"
            raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, detail) from None
        left -= len(piece)
        if left < 0:
            detail = f"more than {max_bytes} bytes when decompressed"
            raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, detail)
        if not inflater.eof:
            raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, path, "gzip is truncated")
        pieces.append(piece)
        data = inflater.unused_data.lstrip(_PADDING)
    return b"".join(pieces)
