"""What a broker says before it hangs up is heard.

A broker that refuses credentials answers why and closes the connection. kafka-python 3.0.12 reads until
the socket has no more; where the close comes with the same read, `KafkaTCPTransport._read_from_sock`
drops what was read before it, and a refusal looks like a broker that cannot be reached.
"""

from typing import Any

from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

Received = tuple[bytes, BaseException | None]


def install() -> None:
    """Let kafka-python's connections of this process deliver bytes that came together with a close.

    The library has no point to extend here; the method that reads is replaced, once. The close itself is
    read again at the next turn.
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
