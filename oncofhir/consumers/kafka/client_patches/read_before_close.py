"""Works around kafka-python 3.0.12: bytes that arrive together with a close are dropped.

A broker that refuses credentials answers why and closes the connection. The client reads until the socket
has no more; where the close arrives in the same read, `KafkaTCPTransport._read_from_sock` drops what was
read before it, and a refusal looks like a broker that cannot be reached.

Still needed? Remove the call in `connection.connect` and run `pytest tests/apache_kafka/test_security.py`
several times: tests of wrong passwords then fail now and then.
"""

from typing import Any

from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

Received = tuple[bytes, BaseException | None]


def install() -> None:
    """Let all connections of this process deliver bytes that arrive together with a close. Idempotent.

    The library has no extension point here: the method that reads is replaced. The close itself is read again
    in the next turn.
    """
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        read = transport.__dict__.get("_sock_recv")
        if read is not None and not getattr(read, "delivers", False):
            transport._sock_recv = _delivering(read)  # noqa: SLF001


def _delivering(read: Any) -> Any:
    def sock_recv(self: Any) -> Received:
        received, error = read(self)
        return (received, None) if received else (received, error)

    sock_recv.delivers = True  # type: ignore[attr-defined]
    return sock_recv
