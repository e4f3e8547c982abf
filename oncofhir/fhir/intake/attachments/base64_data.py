"""Decodes base64Binary strictly: truncated data must not be read as if it were complete.

Source: http://hl7.org/fhir/R4/datatypes.html#base64Binary (white space is allowed and ignored).
"""

import base64
import binascii
import hashlib
import re

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_WHITE_SPACE = str.maketrans("", "", " \t\r\n")
_URL_SAFE = str.maketrans("-_", "+/")
_QUANTUM = 4
_ENCODED = re.compile(
    rb"\s*(?:data:[\w.+/-]{0,100}(?:;[\w=-]{1,60}){0,4},)?([A-Za-z0-9+/\s]{24,}={0,2})\s*"
)
_DATA_URL = re.compile(r"\s*data:[\w.+/-]{0,100}(?:;[\w=-]{1,60}){0,4};base64,", re.IGNORECASE)
_HEAD = 120  # bytes in which base64 shows by its alphabet, lines of 76 characters included
_MAGIC = (b"%PDF-", b"{\\rtf", b"PK\x03\x04", b"\x1f\x8b\x08", b"<")


def decode_base64(
    data: str, path: str, max_bytes: int, *, size: int | None = None, sha1: str | None = None
) -> bytes:
    """Decode `data` and verify it against the `size` and `hash` of the attachment.

    The URL-safe alphabet and a `data:` URL around the data are accepted. Missing padding is accepted only if
    size or hash confirm that nothing else is missing.

    Raises:
        UnreadableReport: invalid-base64, attachment-too-large, attachment-size-mismatch,
            attachment-hash-mismatch.
    """
    prefix = _DATA_URL.match(data)
    if prefix is not None:  # the URL of a data: scheme in place of the data (RFC 2397)
        data = data[prefix.end() :]
    # Refuse before copying: at most half of the characters are white space.
    if len(data) // _QUANTUM * 3 > 2 * max_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, f"{len(data)} base64 characters")
    packed = data.translate(_WHITE_SPACE)
    if "+" not in packed and "/" not in packed:
        packed = packed.translate(_URL_SAFE)
    missing = -len(packed) % _QUANTUM
    try:
        content = binascii.a2b_base64(packed + "=" * missing, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableReport(Reason.INVALID_BASE64, path, type(error).__name__) from None
    if len(content) > max_bytes:
        raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, path, f"{len(content)} bytes")
    verify(content, path, size=size, sha1=sha1, encoded_size=len(data))
    if missing and size != len(content) and sha1 is None:
        raise UnreadableReport(Reason.INVALID_BASE64, path, "truncated or without its padding")
    return content


def is_data_url(text: str) -> bool:
    """Return whether a text is a `data:` URL in base64, whose content is in it."""
    return _DATA_URL.match(text) is not None


def verify(
    content: bytes,
    path: str,
    *,
    size: int | None,
    sha1: str | None,
    encoded_size: int | None = None,
) -> None:
    """Compare content with the stated size and SHA-1 (in base64, as FHIR requires, or in hex).

    Some servers state the size of the encoded data instead, so `encoded_size` is accepted, too.

    Raises:
        UnreadableReport: attachment-size-mismatch, attachment-hash-mismatch.
    """
    if size is not None and size not in {len(content), encoded_size}:
        raise UnreadableReport(Reason.ATTACHMENT_SIZE_MISMATCH, path)
    if sha1 is not None:
        digest = hashlib.sha1(content, usedforsecurity=False)
        as_base64 = {
            base64.b64encode(d).decode() for d in (digest.digest(), digest.hexdigest().encode())
        }
        if sha1.strip() not in as_base64 and sha1.strip().lower() != digest.hexdigest():
            raise UnreadableReport(Reason.ATTACHMENT_HASH_MISMATCH, path)


def base64_within(data: bytes) -> bytes | None:
    """Return the document that `data` is the base64 of, if it was encoded twice; else None.

    It counts only if nothing else explains the bytes: all of them are base64 without a blank between
    words, and what they stand for begins as a document does or is text in UTF-8.
    """
    head = data[:_HEAD].strip()
    match = _ENCODED.fullmatch(data) if head and b" " not in head else None
    if match is None:
        return None
    packed = b"".join(match[1].split())
    try:
        document = binascii.a2b_base64(packed, strict_mode=True)
    except binascii.Error:
        return None
    if document.startswith(_MAGIC):
        return document
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        return None
    is_text = " " in text and all(c.isprintable() or c.isspace() for c in text)
    return document if is_text or base64_within(document) is not None else None
