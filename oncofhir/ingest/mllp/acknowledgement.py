"""Acknowledgements: original and enhanced mode (HL7 v2.5.1, chapter 2.9), ERR with codes of table 0357.

AE and CE ask the sender to send the message again later; AR and CR say that it cannot be accepted as it is.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from oncofhir.fhir.hl7v2.charset import wide_encoding
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.reasons import Reason

_DEFAULT_MARKS = ("|", "^~\\&")
_MIN_MARKS = 2
_MOST_MSH_BYTES = 16_384  # four for each character of an MSH, at most
_BEFORE_CHARACTER_SET = 17  # the fields of MSH before MSH-18
_LOCATION = re.compile(r"(?P<segment>[A-Z0-9]{3})(?:\[(?P<number>\d+)\])?(?:-(?P<field>\d+))?")
_WITH_ERR = (2, 5)  # the version from which ERR has fields for code and text
# HL7 table 0357.
INTERNAL_ERROR = ("207", "Application internal error")
CONDITIONS = {
    Reason.MISSING_ID: ("101", "Required field missing"),
    Reason.MISSING_STATUS: ("101", "Required field missing"),
    Reason.MISSING_SUBJECT: ("101", "Required field missing"),
    Reason.STATUS_UNKNOWN: ("103", "Table value not found"),
    Reason.INVALID_BASE64: ("102", "Data type error"),
    Reason.UNDECODABLE_TEXT: ("102", "Data type error"),
    Reason.UNSUPPORTED_HL7V2_EVENT: ("200", "Unsupported message type"),
    Reason.UNSUPPORTED_PROCESSING_ID: ("202", "Unsupported processing ID"),
    Reason.INVALID_HL7V2: ("100", "Segment sequence error"),
}


class Verdict(StrEnum):
    """The last letter of an acknowledgement code."""

    ACCEPTED = "A"
    TRY_AGAIN = "E"
    REFUSED = "R"


@dataclass(frozen=True)
class Problem:
    """Why a message is not accepted: in codes, without anything of it."""

    reason: Reason
    location: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, error: OncofhirError) -> Self:
        """Return the problem of an error; an address in its location is left out."""
        location = error.location
        is_field = location is not None and _LOCATION.fullmatch(location) is not None
        return cls(error.reason, location if is_field else None, error.detail if is_field else None)


@dataclass(frozen=True)
class Header:
    """The fields of MSH that an answer needs, as the sender wrote them; empty where there is no MSH."""

    separator: str = _DEFAULT_MARKS[0]
    marks: str = _DEFAULT_MARKS[1]
    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Read the MSH of a message, whatever the rest of it is.

        Bytes are kept as they are (Latin-1). An MSH in UTF-16 or UTF-32 is decoded, and its MSH-18 left out:
        the answer is in single bytes.
        """
        wide = wide_encoding(content)
        text = content[:_MOST_MSH_BYTES].decode(wide or "latin-1", "ignore")
        line = re.split(r"[\r\n]", text.lstrip("\ufeff\r\n \t"), maxsplit=1)[0]
        if not line.startswith("MSH") or len(line) < len("MSH|^~") or line[3].isalnum():
            return cls()
        fields = line.split(line[3])[: _BEFORE_CHARACTER_SET if wide else None]
        marks = fields[1]
        if len(marks) < _MIN_MARKS or any(mark.isalnum() for mark in marks):
            return cls(line[3], _DEFAULT_MARKS[1], tuple(fields))
        return cls(line[3], marks, tuple(fields))

    def field(self, number: int) -> str:
        """Return a field of MSH, by its number in the standard."""
        return self.fields[number - 1] if number <= len(self.fields) else ""

    @property
    def control_id(self) -> str:
        return self.field(10)

    @property
    def is_enhanced(self) -> bool:
        """Whether the sender uses the enhanced mode: it values MSH-15 or MSH-16."""
        return bool(self.field(15) or self.field(16))


def acknowledgement(
    header: Header, verdict: Verdict, problem: Problem | None = None, now: datetime | None = None
) -> bytes | None:
    """Return the answer to a message; None if the sender wants none.

    In enhanced mode it is the accept acknowledgement (CA, CE, CR) if MSH-15 wants one, else the application
    acknowledgement (AA, AE, AR) if MSH-16 wants one. In original mode it is the latter.
    """
    level = _level(header, verdict)
    if level is None:
        return None
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d%H%M%S+0000")
    component = header.marks[0]
    event = header.field(9).split(component)[1:2] if header.field(9) else []
    kind = component.join(["ACK", *filter(None, event), *(["ACK"] if event else [])])
    answer = [
        header.separator.join(
            [
                "MSH",
                header.marks,
                *(header.field(number) for number in (5, 6, 3, 4)),
                moment,
                "",
                kind,
                uuid.uuid4().hex[:20],
                header.field(11) or "P",
                header.field(12) or "2.5.1",
                *["" for _ in range(5)],
                header.field(18),
            ]
        ).rstrip(header.separator),
        _join(header, ["MSA", level + verdict, header.control_id, *_text(problem)]),
    ]
    if problem is not None and _has_err(header):
        answer.append(_err(header, problem))
    return "\r".join([*answer, ""]).encode("latin-1", "replace")


def _level(header: Header, verdict: Verdict) -> str | None:
    if not header.is_enhanced:
        return "A"
    wanted = {"AL", "SU" if verdict is Verdict.ACCEPTED else "ER"}
    if header.field(15).upper() in wanted:
        return "C"
    return "A" if header.field(16).upper() in wanted else None


def _join(header: Header, fields: Sequence[str]) -> str:
    return header.separator.join(fields).rstrip(header.separator)


def _text(problem: Problem | None) -> list[str]:
    """Return MSA-3: reason and field in words that need no escaping."""
    if problem is None:
        return []
    return [" ".join(filter(None, (problem.reason.value, problem.location)))]


def _has_err(header: Header) -> bool:
    version = re.match(r"(\d+)(?:\.(\d+))?", header.field(12))
    return version is None or (int(version[1]), int(version[2] or 0)) >= _WITH_ERR


def _err(header: Header, problem: Problem) -> str:
    """Return an ERR segment: location (ERL), code of table 0357, severity, and the detail in words."""
    component, marks = header.marks[0], set(header.marks) | {header.separator}
    at = _LOCATION.fullmatch(problem.location or "")
    location = [at["segment"], at["number"] or "1", at["field"] or ""] if at else []
    code = component.join([*CONDITIONS.get(problem.reason, INTERNAL_ERROR), "HL70357"])
    words = ": ".join(filter(None, (problem.reason.value, problem.detail)))
    plain = "".join(" " if character in marks else character for character in words)
    where = component.join(location).rstrip(component)
    return _join(header, ["ERR", "", where, code, "E", "", "", "", plain])
