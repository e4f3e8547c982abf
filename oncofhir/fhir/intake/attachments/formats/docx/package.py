"""A ZIP package of parts (ECMA-376-2, Open Packaging Conventions), read within a bound of size."""

import io
import posixpath
import struct
import zipfile
import zlib
from types import TracebackType
from typing import Self

from lxml import etree

from oncofhir.fhir.intake.attachments.formats.xml import parse_xml
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    RuntimeError,  # encrypted
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)
_TYPES = "[Content_Types].xml"


class Package:
    """The parts of a ZIP package; all that is read of it together is at most `max_bytes`."""

    def __init__(self, data: bytes, max_bytes: int, path: str) -> None:
        self._left = max_bytes
        self._path = path
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            self._names = frozenset(self._archive.namelist())
        except _BROKEN as error:
            raise self._broken(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._archive.close()

    def read(self, name: str) -> bytes:
        """Read a part.

        Raises:
            UnreadableReport: unreadable-document, attachment-too-large (unpacked).
        """
        try:
            with self._archive.open(name) as part:
                content = part.read(self._left + 1)
        except _BROKEN as error:
            raise self._broken(error) from None
        self._left -= len(content)
        if self._left < 0:
            raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE, self._path)
        return content

    def read_if_present(self, name: str) -> bytes | None:
        """Read a part; None if the package has none of this name. Raises what `read` raises."""
        return self.read(name) if name in self._names else None

    def content_type(self, name: str) -> str | None:
        """Return the content type of a part that the package states, by its name or its extension."""
        content = self.read_if_present(_TYPES)
        if content is None:
            return None
        extension = posixpath.splitext(name)[1].lstrip(".").lower()
        found: str | None = None
        try:
            root = parse_xml(content, self._path)
        except UnreadableReport:  # what the part is, its own bytes show
            return None
        for element in root:
            kind, stated = etree.QName(element).localname, element.get("ContentType")
            if kind == "Override" and element.get("PartName", "").lstrip("/") == name:
                return stated
            if kind == "Default" and element.get("Extension", "").lower() == extension:
                found = stated
        return found

    def _broken(self, error: Exception) -> UnreadableReport:
        return UnreadableReport(Reason.UNREADABLE_DOCUMENT, self._path, type(error).__name__)
