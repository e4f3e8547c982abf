"""How much of a report is read, and which of several renditions."""

from pydantic import PositiveInt

from oncofhir.schemas.base import Value


class IntakeLimits(Value):
    """Bounds on what one report may cost; beyond them it is a dead letter, never cut off.

    `max_attachment_bytes` also bounds what a compressed attachment unpacks to. `max_results` is how
    many result Observations of one report are read. `renditions` orders the content types of the
    same document, best first; one that is not listed comes last.
    """

    max_attachment_bytes: PositiveInt = 20 * 2**20
    max_text_characters: PositiveInt = 2_000_000
    max_pages: PositiveInt = 1_000
    max_results: PositiveInt = 100
    renditions: tuple[str, ...] = (
        "text/plain",
        "text/markdown",
        "text/html",
        "application/rtf",
        "application/xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/pdf",
    )
