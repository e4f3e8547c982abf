"""An HL7 v2 message: its segments, fields and components, without delimiters and escape sequences.

Source: HL7 v2.5.1, chapter 2. Tolerated: MLLP framing, LF or CRLF between segments, line breaks within a
text, ADD segments, Z-segments, any version. Locations of errors are names such as `OBR[2]-25`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import hl7

from oncofhir.fhir.hl7v2.charset import decode_message, wide_encoding
from oncofhir.fhir.hl7v2.escapes import Delimiters, unescape
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

# python-hl7 makes an object of about 450 bytes for each field and component, at 160,000 a second.
MAX_DELIMITERS = 200_000
_FRAME = b"\x0b\x1c\r\n \t"
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_BATCH_HEADERS = ("FHS", "BHS")  # chapter 2.10.3
_HEADERS = (b"MSH", b"FHS", b"BHS")
_NULL = '""'  # the sender deletes the value
_MIN_ENCODING_CHARACTERS, _MAX_ENCODING_CHARACTERS = 2, 5


@dataclass(frozen=True)
class Repetition:
    """One value of a field. Nothing of it is in `repr`."""

    location: str
    raw: str = field(repr=False)
    components: tuple[tuple[str, ...], ...] = field(repr=False)
    delimiters: Delimiters
    encoding: str

    @property
    def text(self) -> str:
        """The whole value as text, in which delimiters that are not escaped are characters."""
        return self._plain(self.raw)

    def component(self, number: int, subcomponent: int = 1) -> str:
        """Return a component (from 1), or an empty string."""
        if number > len(self.components) or subcomponent > len(self.components[number - 1]):
            return ""
        return self._plain(self.components[number - 1][subcomponent - 1]).strip()

    def whole_component(self, number: int) -> str:
        """Return a component with its subcomponents as one text."""
        if number > len(self.components):
            return ""
        return self._plain(self.delimiters.subcomponent.join(self.components[number - 1]))

    def _plain(self, raw: str) -> str:
        if raw == _NULL:
            return ""
        return unescape(raw, self.delimiters, self.encoding, self.location)


class Segment:
    """A segment. `label` is its name, with its number among those of its name where there are several."""

    def __init__(
        self, parsed: hl7.Segment, label: str, delimiters: Delimiters, encoding: str
    ) -> None:
        self.name = str(parsed[0])
        self.label = label
        self._parsed = parsed
        self._delimiters = delimiters
        self._encoding = encoding

    def location(self, number: int) -> str:
        """Return where a field is, for errors."""
        return f"{self.label}-{number}"

    def repetitions(self, number: int) -> list[Repetition]:
        """Return the values of a field (from 1) that are not empty."""
        if number >= len(self._parsed):
            return []
        return [
            Repetition(
                self.location(number),
                str(each),
                _components(each),
                self._delimiters,
                self._encoding,
            )
            for each in self._parsed[number]
            if str(each) not in {"", _NULL}
        ]

    def first(self, number: int) -> Repetition:
        """Return the first value of a field, which may be empty."""
        found = self.repetitions(number)
        empty = Repetition(self.location(number), "", (), self._delimiters, self._encoding)
        return found[0] if found else empty

    def value(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return a component of a field's first value, or an empty string."""
        return self.first(number).component(component, subcomponent)


def _components(repetition: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(repetition, hl7.Repetition):
        return ((str(repetition),),)
    return tuple(
        tuple(str(part) for part in component)
        if isinstance(component, hl7.Component)
        else (str(component),)
        for component in repetition
    )


@dataclass(frozen=True)
class Message:
    """A message. `delimiters` are its own."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters

    @cached_property
    def header(self) -> Segment:
        """The segment MSH."""
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """Return the segments of a name, in order."""
        return [segment for segment in self.segments if segment.name == name]

    def find(self, name: str) -> Segment | None:
        """Return the first segment of a name."""
        return next(iter(self.all(name)), None)


def is_message(value: bytes) -> bool:
    """Return whether the bytes begin as a message does: MSH and a delimiter, or wide characters of MSH.

    A batch of messages counts as one, to be refused as such.
    """
    start = value[:64].removeprefix(b"\xef\xbb\xbf").lstrip(_FRAME)
    delimiter = start[3:4]
    if start.startswith(_HEADERS) and delimiter and not delimiter.isalnum():
        return not delimiter.isspace() and delimiter != b"\0"
    return wide_encoding(start) is not None and b"\0" in start and b"M" in start[:8]


def parse_message(value: bytes, default_charset: str | None = None) -> Message:
    """Parse a message.

    Raises:
        UnreadableReport: invalid-hl7v2, it has no MSH or wrong encoding characters, or too many delimiters;
            undecodable-text, see `charset.decode_message`.
    """
    content = value.removeprefix(b"\xef\xbb\xbf")
    if wide_encoding(content.lstrip(_FRAME)) is None:
        content = content.strip(_FRAME)
    header = _header(content)
    decoded = decode_message(content, header.charset, default_charset)
    text = "\r".join(_segment_lines(decoded.text, header.delimiters.field))
    if f"\rMSH{header.delimiters.field}" in text:
        raise _invalid("MSH", "several messages in one record or frame")
    marks = sum(text.count(mark) for mark in {"\r", *header.structure})
    if marks > MAX_DELIMITERS:
        raise _invalid("MSH", f"more than {MAX_DELIMITERS} fields and components")
    try:
        parsed = hl7.parse(text)
        segments = tuple(_segments(parsed, header.delimiters, decoded.encoding))
    except (hl7.HL7Exception, LookupError, ValueError, TypeError) as error:
        # Its message may quote the text.
        raise _invalid("MSH", f"python-hl7 raises {type(error).__name__}") from None
    return Message(segments, header.delimiters)


@dataclass(frozen=True)
class _Header:
    delimiters: Delimiters
    charset: str

    @property
    def structure(self) -> tuple[str, ...]:
        marks = self.delimiters
        named = (marks.field, marks.component, marks.repetition, marks.subcomponent)
        return tuple(filter(None, named))


def _header(content: bytes) -> _Header:
    """Read what is needed to read the rest: the delimiters and MSH-18."""
    wide = wide_encoding(content.lstrip(_FRAME))
    try:
        head = content[:16_384].decode(wide or "latin-1", "replace").lstrip("\ufeff\x0b\r\n ")
    except UnicodeError:  # pragma: no cover - errors are replaced
        head = ""
    line = re.split(r"[\r\n]", head, maxsplit=1)[0]
    if line.startswith(_BATCH_HEADERS):
        raise _invalid("MSH", "a batch (FHS, BHS): send each of its messages by itself")
    if not line.startswith("MSH") or len(line) < len("MSH|^~"):
        raise _invalid("MSH", "the message has no MSH segment")
    separator = line[3]
    fields = line.split(separator)
    marks = fields[1]
    distinct = {separator, *marks}
    if (
        not _MIN_ENCODING_CHARACTERS <= len(marks) <= _MAX_ENCODING_CHARACTERS
        or len(distinct) <= len(marks)
        or not all(mark.isascii() and mark.isprintable() for mark in distinct)
        or any(mark.isalnum() or mark.isspace() for mark in distinct)
    ):
        raise _invalid("MSH-2", "wrong encoding characters")
    component, repetition, escape, subcomponent, truncation = (*marks, "", "", "")[:5]
    delimiters = Delimiters(separator, component, repetition, escape, subcomponent, truncation)
    declared = fields[17] if len(fields) > 17 else ""  # noqa: PLR2004 - MSH-18: MSH-1 is the separator
    first = declared.split(delimiters.repetition)[0].split(delimiters.component)[0]
    return _Header(delimiters, "" if first == _NULL else first.strip())


def _segment_lines(text: str, separator: str) -> Iterator[str]:
    """Yield the segments. A line that begins no segment belongs to the text before it; so does an ADD."""
    lines = text.lstrip("\x0b\r\n ").rstrip("\x1c\r\n\x0b").replace("\r\n", "\r")
    waiting: str | None = None
    for line in lines.split("\r") if "\r" in lines else lines.split("\n"):
        stripped = line.lstrip("\n")
        begins = _SEGMENT.fullmatch(stripped[:3]) and stripped[3:4] in {"", separator}
        if waiting is not None and begins and stripped.startswith("ADD"):
            waiting += stripped[4:]
        elif begins or waiting is None:
            if waiting is not None:
                yield waiting
            waiting = stripped
        elif stripped:
            waiting += f"\n{stripped}"
    if waiting is not None:
        yield waiting


def _segments(parsed: hl7.Message, delimiters: Delimiters, encoding: str) -> Iterator[Segment]:
    names = [str(segment[0]) for segment in parsed]
    several, seen = Counter(names), Counter[str]()
    for name, segment in zip(names, parsed, strict=True):
        seen[name] += 1
        # A Z-segment's name is the sender's own, and none is read.
        label = f"{name}[{seen[name]}]" if several[name] > 1 else name
        yield Segment(segment, label, delimiters, encoding)


def _invalid(location: str, detail: str) -> UnreadableReport:
    return UnreadableReport(Reason.INVALID_HL7V2, location, detail)
