"""Limits on the size of a report, and the order of preference among its renditions."""

from pydantic import PositiveInt

from oncofhir.schemas.base import Value


class IntakeLimits(Value):
    """Limits on one report. A report beyond them becomes a dead letter; it is never truncated.

    `max_attachment_bytes` also limits the size of a decompressed attachment. `max_results` is the number of
    result Observations that are read for one report. `renditions` orders the content types of one document by
    preference, best first; a type that is not listed comes last.
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
