"""The endpoint on its socket: client certificates, slow and hostile clients, the end of the process."""

import asyncio
import contextlib
import json
import ssl
import time

import httpx2
import pytest
import trustme

from oncofhir.ingest.http import server as server_module
from tests.integration.ingest.bridge_harness import (
    CREDENTIALS,
    JSON,
    NAME,
    SECRET,
    bridge_settings,
    put_path,
    records,
    report,
    running,
)
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio
PATH = f"/subscriptions/{NAME}/DiagnosticReport/r1"


def head(length, method="PUT", more=""):
    return (
        f"{method} {PATH} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\n"
        f"Content-Type: application/fhir+json\r\n{more}"
        + (f"Content-Length: {length}\r\n\r\n" if length is not None else "\r\n")
    ).encode()


async def exchange(bridge, *parts, pause=0.0, seconds=PATIENCE_SECONDS):
    """Send bytes on a connection of its own; return what comes back until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.listeners[0].port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(seconds):
            return await reader.read()
    except (ConnectionError, BrokenPipeError):
        return b""
    finally:
        writer.close()


async def test_a_client_certificate_is_demanded(settings, tmp_path):
    ours, theirs = trustme.CA(), trustme.CA()
    server = ours.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    wanted = bridge_settings(
        settings,
        tmp_path,
        secret_file=None,
        tls_cert_file=tmp_path / "server.pem",
        tls_client_ca_file=tmp_path / "ca.pem",
    )

    def context(authority):
        made = ssl.create_default_context()
        ours.configure_trust(made)
        if authority is not None:
            authority.issue_cert("client@ehr.example").configure_cert(made)
        return made

    async with running(wanted) as (bridge, _):
        url = f"https://127.0.0.1:{bridge.listeners[0].port}{PATH}"
        async with httpx2.AsyncClient(verify=context(ours), trust_env=False) as client:
            assert (await client.put(url, json=report("r1"), headers=JSON)).status_code == 200
        for authority in (theirs, None):
            async with httpx2.AsyncClient(verify=context(authority), trust_env=False) as client:
                with pytest.raises(httpx2.HTTPError):
                    await client.put(url, json=report("r2"), headers=JSON)
    assert [key for key, _ in records(settings)] == ["DiagnosticReport/r1"]


async def test_a_renewed_certificate_is_used_and_a_handshake_has_a_time_limit(
    settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(server_module, "_RELOAD_SECONDS", 0.2)
    monkeypatch.setattr(server_module, "_HANDSHAKE_SECONDS", 0.5)
    file = tmp_path / "server.pem"
    old, new = trustme.CA(), trustme.CA()
    old.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    wanted = bridge_settings(settings, tmp_path, tls_cert_file=file)
    async with running(wanted) as (bridge, _):
        url = f"https://127.0.0.1:{bridge.listeners[0].port}{PATH}"

        async def status(authority):
            context = ssl.create_default_context()
            authority.configure_trust(context)
            async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
                answer = await client.put(url, json=report("r1"), headers=CREDENTIALS | JSON)
                return answer.status_code

        assert await status(old) == 200
        began = time.monotonic()
        assert await exchange(bridge, b"") == b""
        assert time.monotonic() - began < 30
        file.write_text("broken")
        await asyncio.sleep(0.5)
        assert await status(old) == 200
        new.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)

        async def is_renewed():
            with contextlib.suppress(httpx2.HTTPError):
                return await status(new) == 200

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await is_renewed():  # noqa: ASYNC110 - what is waited for is another's
                await asyncio.sleep(0.2)


async def test_slow_clients_end_and_do_not_keep_others_out(settings, tmp_path):
    wanted = bridge_settings(
        settings, tmp_path, header_timeout_seconds=0.5, body_timeout_seconds=1.0, max_connections=20
    )
    async with running(wanted) as (bridge, client):
        slow = [
            asyncio.create_task(exchange(bridge, b"PUT /x HTTP/1.1\r\nHost")) for _ in range(60)
        ]
        slow += [
            asyncio.create_task(exchange(bridge, head(1_000), b"{", b"}", pause=0.6))
            for _ in range(5)
        ]
        await asyncio.sleep(0.2)
        answer = await client.put(put_path(report("r1")), json=report("r1"))
        assert answer.status_code == 200
        began = time.monotonic()
        ends = await asyncio.gather(*slow)
        assert time.monotonic() - began < 60
        assert all(end == b"" or b" 408 " in end for end in ends)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((head(100_000_000), b"x" * 100_000), b"413"),
        ((head(None, more="Transfer-Encoding: chunked\r\n"), b"zz\r\ngarbage\r\n"), b""),
        ((head(None, more="Transfer-Encoding: chunked\r\n"), b"FFFFFFFFFFFFFFFFFF\r\nx"), b""),
        ((head("10\r\nTransfer-Encoding: chunked"), b"0\r\n\r\n"), b""),
        ((head("-5"), b"x"), b"400"),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),), b"400"),
        ((b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",), b""),
        ((b"PUT /x HTTP/1.1\r\nHost: b\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",), b""),
    ],
)  # fmt: skip
async def test_hostile_requests_end_and_the_next_one_is_served(settings, tmp_path, parts, status):
    wanted = bridge_settings(
        settings, tmp_path, body_timeout_seconds=1.5, header_timeout_seconds=1.0
    )
    async with running(wanted) as (bridge, client):
        end = await exchange(bridge, *parts)
        assert status in end.partition(b"\r\n")[0]
        assert b" 200 " not in end.partition(b"\r\n")[0]
        assert (await client.put(put_path(report("r2")), json=report("r2"))).status_code == 200
    assert [key for key, _ in records(settings)] == ["DiagnosticReport/r2"]


async def test_a_hundred_megabytes_in_chunks_are_cut_off_early(settings, tmp_path):
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(1_600):
            sent += 65_536
            yield b" " * 65_536

    async with (
        running(bridge_settings(settings, tmp_path)) as (bridge, _),
        httpx2.AsyncClient(
            base_url=bridge.url, headers=CREDENTIALS | JSON, trust_env=False
        ) as client,
    ):
        # The connection may end while the client still sends.
        with contextlib.suppress(httpx2.HTTPError):
            assert (await client.put(PATH, content=endless())).status_code == 413
    assert sent < 60_000_000


@pytest.mark.scenario
async def test_bodies_of_many_senders_together_are_bounded(settings, tmp_path):
    wanted = bridge_settings(
        settings,
        tmp_path,
        max_body_bytes=1_000_000,
        max_pending_bytes=2_500_000,
        body_timeout_seconds=10.0,
    )
    body = json.dumps(report("r1", text={"div": "x" * 900_000})).encode()
    async with running(wanted) as (bridge, client):
        waiting = [
            asyncio.create_task(exchange(bridge, head(len(body)) + body[:-1])) for _ in range(2)
        ]
        answer = None
        while answer is None or answer.status_code == 200:
            assert not any(task.done() for task in waiting), "both were held, and no third refused"
            with contextlib.suppress(httpx2.TransportError):  # refused while it still sends
                answer = await client.put(PATH, content=body)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        await asyncio.gather(*waiting)
        assert (await client.put(PATH, content=body)).status_code == 200


async def test_running_requests_are_finished_when_it_stops(settings, tmp_path):
    body = json.dumps(report("r1")).encode()
    async with running(bridge_settings(settings, tmp_path)) as (bridge, _):
        request = asyncio.create_task(
            exchange(bridge, head(len(body)), body[:5], body[5:], pause=0.7)
        )
        await asyncio.sleep(0.3)
        bridge.stop()
        assert not bridge.ready().ok
        assert b" 200 " in await request
    assert [key for key, _ in records(settings)] == ["DiagnosticReport/r1"]


async def test_probes_say_what_it_is_doing(settings, tmp_path):
    async with (
        running(bridge_settings(settings, tmp_path)) as (bridge, client),
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{bridge.probe_port}", trust_env=False
        ) as probes,
    ):
        for path in ("/live", "/ready", "/startup"):
            assert (await probes.get(path)).status_code == 200
        await client.put(put_path(report("r1")), json=report("r1"))
        text = (await probes.get("/metrics")).text
        assert 'oncofhir_bridge_requests_total{status="200"} 1.0' in text
        assert 'origin="notification"' in text
        assert "oncofhir_ingest_broker_available 1.0" in text
        await until(lambda: bridge.publisher.pending_bytes == 0)
