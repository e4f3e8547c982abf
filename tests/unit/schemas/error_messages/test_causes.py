"""Why a connection failed, as real sockets fail."""

import socket

import httpx2
import pytest

from oncofhir.schemas.error_messages.causes import cause_of


@pytest.fixture
def closed_port():
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return once.getsockname()[1]


async def failure(url):
    async with httpx2.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx2.HTTPError) as raised:
            await http.get(url)
    return raised.value


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_closed_port_and_an_unknown_host_are_told_apart(closed_port, anyio_backend):
    refused = await failure(f"http://127.0.0.1:{closed_port}/")
    assert cause_of(refused) == "ConnectError: connection refused"
    unknown = await failure("http://no-such-host.invalid/")
    assert cause_of(unknown) == "ConnectError: no such host"


def test_what_has_no_cause_is_its_type():
    assert cause_of(ValueError("a patient's name")) == "ValueError"
