"""The text and the attachments of OBX and NTE segments.

Source: ConceptMaps segment-obx-to-observation, segment-obx-to-documentreference and datatype-ed-to-attachment
of the guide, and OBX-2 (HL7 table 0125).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oncofhir.fhir.hl7v2.concepts import concept_text
from oncofhir.fhir.hl7v2.message import Repetition, Segment
from oncofhir.fhir.hl7v2.tables import tables
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

TEXT_TYPE = "text/plain; charset=utf-8"
_NARRATIVE = frozenset({"", "TX", "FT", "ST"})
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_MEDIA = frozenset({"application", "audio", "image", "message", "multipart", "text", "video"})
_URL = re.compile(r"https?://\S+")


@dataclass
class Block:
    """Consecutive values of one code (OBX-3), or notes, whose code is empty. `title` names the code."""

    code: tuple[str, str]
    title: str = ""
    lines: list[str] = field(default_factory=list, repr=False)
    is_narrative: bool = True

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


@dataclass(frozen=True)
class Content:
    """What the segments of one report hold."""

    blocks: tuple[Block, ...] = ()
    attachments: tuple[dict[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """The blocks, separated by blank lines. Where there are several codes each begins with its title."""
        codes = {block.code for block in self.blocks if block.title}
        return "\n\n".join(_titled(block, several=len(codes) > 1) for block in self.blocks)


def read_content(segments: Iterable[Segment]) -> Content:
    """Read OBX and NTE segments in their order; others are passed over.

    Raises:
        UnreadableReport: invalid-base64, undecodable-text.
    """
    blocks: list[Block] = []
    attachments: list[dict[str, Any]] = []
    for segment in segments:
        if segment.name == "NTE":
            _add(blocks, Block(("", "")), [each.text for each in segment.repetitions(3)])
        elif segment.name == "OBX":
            kind = segment.value(2).upper()
            if segment.value(11) in tables().observation_status["without_value"]:
                continue
            if kind in {"ED", "RP"}:
                read = _attachment if kind == "ED" else _pointer
                attachments += [found for each in segment.repetitions(5) if (found := read(each))]
            else:
                _add(blocks, _block_of(segment, kind), list(_lines(segment, kind)))
    return Content(tuple(block for block in blocks if block.text.strip()), tuple(attachments))


def text_attachment(text: str) -> dict[str, Any]:
    """Return a text as an Attachment."""
    return {"contentType": TEXT_TYPE, "data": base64.b64encode(text.encode()).decode()}


def _add(blocks: list[Block], block: Block, lines: list[str]) -> None:
    """Add lines to the last block if they continue it, else to a new one."""
    same = blocks and (blocks[-1].code, blocks[-1].is_narrative) == (
        block.code,
        block.is_narrative,
    )
    if not same:
        blocks.append(block)
    blocks[-1].lines += lines


def _block_of(segment: Segment, kind: str) -> Block:
    name = segment.first(3)
    return Block(
        (name.component(1), segment.value(4)),
        concept_text(name),
        is_narrative=kind in _NARRATIVE,
    )


def _lines(segment: Segment, kind: str) -> Iterator[str]:
    """Yield the values of OBX-5: each repetition of a text is a line."""
    if kind in _NARRATIVE:
        # An empty OBX-5 is an empty line of the report.
        yield from [each.text for each in segment.repetitions(5)] or [""]
        return
    values = (_value(each, segment, kind) for each in segment.repetitions(5))
    found = ", ".join(value for value in values if value)
    if found:
        flags = ", ".join(concept_text(each) for each in segment.repetitions(8))
        yield f"{found} ({flags})" if flags and kind in {"NM", "SN"} else found


def _value(value: Repetition, segment: Segment, kind: str) -> str:
    if kind in _CODED:
        return concept_text(value)
    if kind in {"NM", "SN"}:
        units = segment.first(6)
        unit = units.component(1) or units.component(2)
        numbers = [value.component(1 + n) for n in range(len(value.components))]
        return " ".join(filter(None, [*numbers, unit]))
    return value.text


def _titled(block: Block, *, several: bool) -> str:
    text, title = block.text, block.title
    if not title or text.lstrip().lower().startswith(title.lower()):
        return text
    if not block.is_narrative:
        return f"{title}: {text}"
    return f"{title}:\n{text}" if several else text


def _attachment(value: Repetition) -> dict[str, Any] | None:
    """Return the Attachment of an ED; None if it has no data."""
    encoding = value.component(4).lower()
    data = value.whole_component(5)
    if not data.strip():
        return None
    if encoding == "a":
        content = data.encode()
    else:
        packed = "".join(data.split())
        try:
            is_hex = encoding == "hex"
            content = bytes.fromhex(packed) if is_hex else base64.b64decode(packed, validate=True)
        except (binascii.Error, ValueError):
            raise UnreadableReport(Reason.INVALID_BASE64, value.location) from None
    found = {"data": base64.b64encode(content).decode()}
    content_type = _content_type(value.component(2), value.component(3))
    return {"contentType": content_type, **found} if content_type else found


def _pointer(value: Repetition) -> dict[str, Any] | None:
    """Return the Attachment of an RP: its URL, or only its type if the pointer is none."""
    content_type = _content_type(value.component(3), value.component(4))
    found = {"contentType": content_type} if content_type else {}
    pointer = value.whole_component(1)
    if _URL.fullmatch(pointer):
        return {**found, "url": pointer}
    return {**found, "title": "a pointer that is no URL"}


def _content_type(kind: str, subtype: str) -> str:
    """Return the content type of ED.2 and ED.3 (tables 0191 and 0291); senders write any of its parts."""
    kind, subtype = kind.strip().lower(), subtype.strip().lower()
    if "/" in subtype or not (kind or subtype):
        return subtype
    if not subtype:
        return kind if "/" in kind else f"application/{kind}"
    return f"{kind}/{subtype}" if kind in _MEDIA else f"application/{subtype}"
