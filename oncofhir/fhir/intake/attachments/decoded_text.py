"""The text of an attachment, and the characters that no text may hold."""

import re

from oncofhir.schemas.base import Value
from oncofhir.schemas.report import ReportWarning

_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


class DecodedText(Value):
    """The text of an attachment and the content type that it was read as, whatever was declared.

    `warnings` state what of the attachment is not in `text`.
    """

    text: str
    content_type: str
    warnings: tuple[ReportWarning, ...] = ()


def replace_unencodable(text: str) -> str:
    """Replace each NUL and lone surrogate by U+FFFD; offsets stay."""
    return _IMPOSSIBLE.sub(REPLACEMENT, text)
