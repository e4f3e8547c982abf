"""Names of headers that are no UTF-8.

Kafka's protocol calls a header's name a string, yet brokers check nothing, and producers that write
bytes exist. kafka-python 3.0.12 raises on such a record from each poll, so that its partition would stand
still for ever. Here the bytes that are no UTF-8 become surrogates (PEP 383) and go back to the same bytes
when the record is sent on, as a dead letter for one.
"""

from typing import Any, SupportsIndex

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class HeaderName(str):
    """A header's name that is encoded to the bytes that it was decoded from."""

    __slots__ = ()

    @classmethod
    def of(cls, raw: bytes) -> "HeaderName":
        """The name that these bytes are."""
        return cls(raw, "utf-8", "surrogateescape")

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        """The bytes of the name; errors are "surrogateescape" whatever is asked for."""
        del errors
        return super().encode(encoding, "surrogateescape")


class _Part(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del encoding, errors
        return HeaderName.of(self)


class _Buffer(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        part = super().__getitem__(at)
        return part if isinstance(part, int) else _Part(part)


class _TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]  # untyped base
    __slots__ = ()

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            # The position moves only after a whole record was read, so it can be read again.
            self._buffer = _Buffer(self._buffer)  # type: ignore[has-type, misc]  # untyped base
            return super()._read_msg()


def allow_non_utf8() -> None:
    """Let kafka-python's consumers of this process read records whatever their headers are called.

    The library has no point to extend here; the class that reads batches is replaced.
    """
    memory_records.DefaultRecordBatch = _TolerantBatch
