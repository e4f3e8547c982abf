"""Works around kafka-python 3.0.12: refused credentials do not reach the code that waits for a connection.

The client means to report them (`KafkaConnectionManager.maybe_raise_auth_failure`), but looks for them in an
exception that `KafkaConnection.initialize` swallows. A refused client therefore reconnects for ever, and its
constructor fails with a timeout that names no reason.

Still needed? Remove the call in `connection.connect` and run
`pytest tests/apache_kafka/test_security.py`: the tests of wrong passwords then fail.
"""

from collections.abc import Callable
from typing import Any

from kafka.net.compat import KafkaNetClient


def install(
    client: KafkaNetClient,
    is_refusal: Callable[[BaseException], bool],
    refusals: list[BaseException],
) -> None:
    """Record the refusals of a client's connections: in `refusals`, and where the client looks for them."""
    manager = client._manager  # noqa: SLF001 - there is no public access
    connect_one = manager._connect  # noqa: SLF001

    async def connect_and_record(node: Any, connection: Any, **more: Any) -> None:
        await connect_one(node, connection, **more)
        attempt = connection.init_future
        if attempt.failed() and is_refusal(attempt.exception):
            refusals.append(attempt.exception)
            manager._auth_failures[node.node_id] = attempt.exception  # noqa: SLF001

    manager._connect = connect_and_record  # noqa: SLF001
