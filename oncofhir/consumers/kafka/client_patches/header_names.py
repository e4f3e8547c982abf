"""Works around kafka-python 3.0.12: a record header whose name is not UTF-8 stops its partition.

Kafka's protocol declares a header's name as a string, but brokers do not check it, and producers that write
other bytes exist. kafka-python raises on such a record in every poll. Here bytes that are not UTF-8 become
surrogates (PEP 383) and are encoded to the same bytes when the record is published again, for example as a
dead letter.

Still needed? Remove the call in `connection.connect` and run
`pytest tests/unit/consumers/kafka/client_patches/test_header_names.py`.
"""

from typing import Any, SupportsIndex

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class HeaderName(str):
    """A header name that encodes to the bytes that it was decoded from."""

    __slots__ = ()

    @classmethod
    def of(cls, raw: bytes) -> "HeaderName":
        """Decode a name."""
        return cls(raw, "utf-8", "surrogateescape")

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        """Encode the name. Errors are handled by "surrogateescape", whatever is requested."""
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
    """Let all consumers of this process read records with any header names. Idempotent.

    The library has no extension point here: the class that reads batches is replaced.
    """
    memory_records.DefaultRecordBatch = _TolerantBatch
