"""What reading an attachment gives, and what no text can hold."""

import re

from oncofhir.schemas.base import Value

_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


class DecodedText(Value):
    """An attachment's text and the content type that it was read as, whatever was declared.

    `unread_pages` is how many of its pages are scans, beside others that have text.
    """

    text: str
    content_type: str
    unread_pages: int = 0


def replace_unencodable(text: str) -> str:
    """The text with each NUL and lone surrogate replaced by U+FFFD, so that no offset moves."""
    return _IMPOSSIBLE.sub(REPLACEMENT, text)
