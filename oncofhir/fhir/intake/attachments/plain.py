"""text/plain and text/markdown: the characters as they are."""

from oncofhir.fhir.intake.attachments.charset import decoded_text
from oncofhir.fhir.intake.attachments.sniff import charset_of


def plain_text(data: bytes, content_type: str | None, path: str) -> str:
    """The text of a plain or Markdown attachment, unchanged but for its byte-order mark.

    Raises:
        UnreadableReport: undecodable-text.
    """
    return decoded_text(data, charset_of(content_type), path)
