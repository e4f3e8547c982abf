"""W3C Trace Context: the headers `traceparent` and `tracestate`.

Source: https://www.w3.org/TR/trace-context/ (level 1).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
_MAX_TRACESTATE = 512  # characters; longer ones need not be propagated
_MAX_MEMBERS = 32
# Later versions may append fields, which are ignored; version ff is invalid.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_MEMBER = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The identity of a span: `traceparent`, and the vendors' `tracestate` or an empty string. Both valid."""

    traceparent: str
    tracestate: str = ""

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> "TraceContext | None":
        """Return the first valid `traceparent` with its `tracestate`; None where there is none.

        Names are compared without case. An invalid `tracestate` is left out: other header values may hold
        anything, and only these two forms are carried on.
        """
        parent: str | None = None
        states: list[str] = []
        for name, value in headers:
            lower = name.lower()
            if lower == TRACEPARENT and value is not None and parent is None:
                parent = _valid_traceparent(value)
            elif lower == TRACESTATE and value is not None:
                states.append(value.decode("ascii", "replace"))
        return cls(parent, valid_tracestate(",".join(states))) if parent is not None else None

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return self.traceparent[36:52]

    @property
    def is_sampled(self) -> bool:
        """Whether the caller records its spans."""
        return bool(int(self.traceparent[53:55], 16) & 1)

    def text_headers(self) -> dict[str, str]:
        """The headers that carry it over HTTP."""
        state = {TRACESTATE: self.tracestate} if self.tracestate else {}
        return {TRACEPARENT: self.traceparent} | state

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """The headers that carry it in a Kafka record."""
        return tuple((name, value.encode()) for name, value in self.text_headers().items())


def _valid_traceparent(value: bytes) -> str | None:
    found = _TRACEPARENT.fullmatch(value.decode("ascii", "replace"))
    if found is None or (found["version"] == "00" and found["more"] is not None):
        return None
    # this software writes version 00, whatever the version that it was given
    return f"00-{found['trace']}-{found['span']}-{found['flags']}"


def valid_tracestate(value: str) -> str:
    """Return a `tracestate` with its spaces removed; an empty string if any member is invalid."""
    members = [member.strip(" \t") for member in value.split(",")]
    members = [member for member in members if member]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = [found["key"] for found in matches if found is not None]
    text = ",".join(members)
    is_valid = len(members) <= _MAX_MEMBERS and len(text) <= _MAX_TRACESTATE
    return text if is_valid and len(set(keys)) == len(members) else ""
