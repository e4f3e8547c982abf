"""The wire format of a Confluent-compatible registry: a zero byte, the schema's id, the Avro datum.

The id has four bytes, big-endian. Source: Confluent Schema Registry, "Wire format". Apicurio Registry writes
the same where it is set to.
"""

import struct

MAGIC = b"\0"
_HEADER = struct.Struct(">bI")


def frame(schema_id: int, datum: bytes) -> bytes:
    """Return the datum with the wire format's header."""
    return _HEADER.pack(0, schema_id) + datum


def is_framed(value: bytes) -> bool:
    """Return whether a value begins like the wire format; JSON never does."""
    return value[:1] == MAGIC


def unframe(value: bytes) -> tuple[int, bytes]:
    """Return the schema's id and the datum.

    Raises:
        ValueError: the value is too short, or does not begin with a zero byte.
    """
    if len(value) < _HEADER.size or not is_framed(value):
        raise ValueError("no registry framing")
    _, schema_id = _HEADER.unpack_from(value)
    return schema_id, value[_HEADER.size :]
