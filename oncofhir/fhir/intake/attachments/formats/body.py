"""The seam through which a format reads a document within it."""

from collections.abc import Callable

ReadBody = Callable[[bytes, str | None], str]
"""Reads an embedded document: (bytes, media type) to text. Raises what `read_attachment` raises."""
