"""What a pass of the watcher did."""

from oncofhir.schemas.base import Value


class PassCounts(Value):
    """What one pass did: heads and resources that were read, edits, rows that changed and were published.

    `failed` are documents whose edits could not be read; they come again with their next change.
    """

    documents: int = 0
    resources: int = 0
    edited: int = 0
    rows: int = 0
    published: int = 0
    failed: int = 0
