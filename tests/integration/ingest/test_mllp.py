"""HL7 v2 over MLLP on real sockets and a real broker: nothing is acknowledged that the broker does not have."""

import asyncio
import contextlib
import ssl

import hl7
import pytest
import trustme

from oncofhir.consumers.dead_letters.store import parse_dead_letter, replay_message
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.ingest.bridge import Bridge
from oncofhir.ingest.composition import mllp_listener
from oncofhir.ingest.mllp.framing import framed
from oncofhir.schemas.tracing.tracer import NO_TRACING
from oncofhir.settings import MllpSettings, SettingsError
from tests.hl7v2_messages import mdm, obr, obx, oru
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.bridge_harness import records
from tests.waiting import until

pytestmark = pytest.mark.anyio
DEFAULTS = {"host": "127.0.0.1", "port": 0, "allow_anonymous": True}


@contextlib.asynccontextmanager
async def running(settings, tracer=NO_TRACING, **mllp):
    """A bridge that listens for MLLP; yields it with its port."""
    wanted = settings.model_copy(update={"mllp": MllpSettings(**(DEFAULTS | mllp))})
    bridge = Bridge(wanted, [mllp_listener(wanted)], tracer)
    serving = asyncio.create_task(bridge.run())
    try:
        while not bridge.started().ok:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.02)
        yield bridge, bridge.listeners[0].port
    finally:
        bridge.stop()
        await serving


class Sender:
    """A connection that sends bytes and reads answers."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, seconds=20):
        """The next acknowledgement; None when the connection ended."""
        async with asyncio.timeout(seconds):
            try:
                raw = await self.reader.readuntil(b"\x1c\r")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        assert raw.startswith(b"\x0b")
        return hl7.parse(raw[1:-2].decode("latin-1"))

    async def ask(self, message):
        await self.send(framed(message if isinstance(message, bytes) else message.encode()))
        return code_of(await self.answer())


def code_of(ack):
    return None if ack is None else str(ack.segment("MSA")[1])


@contextlib.asynccontextmanager
async def connected(port, **tls):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **tls)
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def letters(settings):
    return read_all(settings, settings.kafka.dead_letter_topic)


async def test_a_message_is_on_the_topic_before_it_is_acknowledged(settings):
    async with running(settings) as (_, port), connected(port) as sender:
        await sender.send(framed(oru(obr("F1"), obx("a"), obr("F2"), obx("b")).encode()))
        ack = await sender.answer()
        assert code_of(ack) == "AA"
        found = records(settings)
        assert [resource["resourceType"] for _, resource in found] == ["DiagnosticReport"] * 2
        assert [key for key, _ in found] == [f"DiagnosticReport/{r['id']}" for _, r in found]
        assert await sender.ask(mdm(f15="AL", f16="NE")) == "CA"
        assert len(records(settings, settings.kafka.document_reference_topic)) == 1
        assert "Carla" not in str(found)


async def test_messages_of_one_connection_are_answered_in_their_order(settings):
    messages = [oru(obr(f"F{n}"), obx("x"), control_id=f"M{n}") for n in range(20)]
    async with running(settings) as (_, port), connected(port) as sender:
        await sender.send(b"".join(framed(message.encode()) for message in messages))
        answers = [await sender.answer() for _ in messages]
    assert [str(ack.segment("MSA")[2]) for ack in answers] == [f"M{n}" for n in range(20)]
    assert len(records(settings)) == 20


CANARY = "Canary"


async def test_a_refused_message_is_a_dead_letter_once_and_its_replay_is_the_message(
    settings, capfd
):
    bad = oru(obr(status="ZZ"), obx(f"{CANARY} text"), control_id=f"{CANARY}-7")
    async with running(settings) as (bridge, port), connected(port) as sender:
        assert [await sender.ask(bad) for _ in range(3)] == ["AR"] * 3
        metrics = bridge.render_metrics().decode()
    (record,) = letters(settings)
    letter = parse_dead_letter(record)
    assert (letter.reason, letter.stage, letter.location) == ("status-unknown", "mllp", "OBR-25")
    replayed = replay_message(record, settings.kafka.diagnostic_report_topic)
    assert replayed.value == bad.encode()
    assert records(settings) == []
    assert 'oncofhir_mllp_messages_total{outcome="refused",reason="status-unknown"} 3' in metrics
    assert CANARY not in metrics + "".join(capfd.readouterr())
    assert CANARY not in repr(record.headers)


@pytest.mark.parametrize(
    ("message", "err", "is_kept"),
    [
        (oru(kind="ADT^A01"), "200", False),
        (oru(f11="T"), "202", False),
        (oru(pid=None), "101", True),
        (oru(charset="ASCII").replace("Invasive", "Invasïve"), "102", True),
        (oru() + oru(), "100", True),
        (oru().replace("^~\\&", "ABC"), "100", True),
        ("not a message", None, False),
    ],
)
async def test_what_cannot_be_accepted_is_refused_with_the_code(settings, message, err, is_kept):
    async with running(settings) as (_, port), connected(port) as sender:
        await sender.send(framed(message.encode()))
        ack = await sender.answer()
    assert code_of(ack) == "AR"
    assert err is None or str(ack.segment("ERR")[3]).startswith(f"{err}^")
    assert [record.value for record in letters(settings)] == ([message.encode()] if is_kept else [])
    assert records(settings) == []


async def test_without_an_end_block_a_message_is_not_accepted(settings):
    async with running(settings) as (_, port):
        async with connected(port) as sender:
            await sender.send(b"\x0b" + oru().encode() + framed(oru(control_id="M2").encode()))
            first, second = await sender.answer(), await sender.answer()
            assert [code_of(first), code_of(second)] == ["AR", "AA"]
            assert str(second.segment("MSA")[2]) == "M2"
        async with connected(port) as sender:
            await sender.send(b"\x0b" + oru(control_id="M3").encode())
            sender.writer.write_eof()
            assert code_of(await sender.answer()) == "AR"
    assert len(records(settings)) == 1


async def test_bytes_outside_of_a_frame_are_ignored_and_counted(settings):
    async with running(settings) as (bridge, port), connected(port) as sender:
        await sender.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await sender.ask(oru()) == "AA"
        assert b'outcome="ignored",reason="outside-frame"} 1' in bridge.render_metrics()


async def test_a_message_above_the_limit_is_refused_and_the_next_is_taken(settings):
    async with running(settings, max_message_bytes=5_000) as (_, port), connected(port) as sender:
        assert await sender.ask(oru(obr(), obx("x" * 50_000))) == "AR"
        assert await sender.ask(oru()) == "AA"
    assert letters(settings) == []


async def test_a_message_larger_than_the_broker_takes_is_refused(settings):
    small = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"max_request_bytes": 200_000})}
    )
    async with running(small) as (_, port), connected(port) as sender:
        assert await sender.ask(oru(obr(), obx("x y" * 100_000))) == "AR"
        assert await sender.ask(oru()) == "AA"
    (letter,) = letters(settings)
    assert parse_dead_letter(letter).is_reference


async def test_a_slow_sender_and_a_silent_one_lose_their_connection(settings):
    limits = {"message_timeout_seconds": 0.5, "idle_timeout_seconds": 1.5}
    async with running(settings, **limits) as (_, port):
        async with connected(port) as slow:
            begun = asyncio.get_running_loop().time()
            await slow.send(b"\x0bMSH|^~\\&|")
            for _ in range(30):
                with contextlib.suppress(ConnectionError):
                    await slow.send(b"x")
                await asyncio.sleep(0.05)
            assert code_of(await slow.answer()) in {"AR", None}
            assert await slow.answer() is None
            assert asyncio.get_running_loop().time() - begun < 30
        async with connected(port) as silent:
            assert await silent.answer() is None


async def test_too_many_connections_are_closed_at_once(settings):
    async with running(settings, max_connections=2) as (bridge, port):
        async with connected(port) as first, connected(port) as second:
            assert [await first.ask(oru()), await second.ask(oru())] == ["AA", "AA"]
            async with connected(port) as third:
                assert await third.answer() is None
            assert b"oncofhir_mllp_refused_connections_total 1" in bridge.render_metrics()
        await until(lambda: b"oncofhir_mllp_connections 0" in bridge.render_metrics())
        async with connected(port) as again:
            assert await again.ask(oru()) == "AA"


async def test_senders_authenticate_by_a_certificate(settings, tmp_path):
    authority, stranger = trustme.CA(), trustme.CA()
    files = {name: tmp_path / f"{name}.pem" for name in ("cert", "key", "ca")}
    server = authority.issue_cert("127.0.0.1")
    server.cert_chain_pems[0].write_to_path(files["cert"])
    server.private_key_pem.write_to_path(files["key"])
    authority.cert_pem.write_to_path(files["ca"])
    tls = {
        "allow_anonymous": False,
        "tls_cert_file": files["cert"],
        "tls_key_file": files["key"],
        "tls_client_ca_file": files["ca"],
    }

    def client(issuer):
        context = ssl.create_default_context()
        authority.configure_trust(context)
        if issuer is not None:
            issuer.issue_cert("sender.example").configure_cert(context)
        return context

    async with running(settings, **tls) as (_, port):
        async with connected(port, ssl=client(authority)) as sender:
            assert await sender.ask(oru()) == "AA"
        for issuer in (None, stranger):
            with contextlib.suppress(OSError, ssl.SSLError):
                async with connected(port, ssl=client(issuer)) as sender:
                    assert await sender.ask(oru(control_id="M2")) is None
    assert len(records(settings)) == 1


def test_without_authentication_it_does_not_start(settings, tmp_path):
    for mllp in (
        MllpSettings(),
        MllpSettings(tls_cert_file=tmp_path / "missing", allow_anonymous=True),
    ):
        with pytest.raises(SettingsError, match="ONCOFHIR_MLLP__"):
            mllp_listener(settings.model_copy(update={"mllp": mllp}))


@pytest.mark.scenario
async def test_while_the_broker_is_down_the_sender_keeps_its_message(anyio_backend):
    del anyio_backend
    with EmbeddedBroker() as broker:
        made = settings_for(broker.address)
        made = made.model_copy(
            update={"bridge": made.bridge.model_copy(update={"publish_timeout_seconds": 2.0})}
        )
        from oncofhir.consumers.kafka.topics import ensure_topics

        ensure_topics(made.kafka, partitions=1)
        async with running(made) as (_, port), connected(port) as sender:
            assert await sender.ask(oru(control_id="M1")) == "AA"
            await asyncio.to_thread(broker.stop)
            assert await sender.ask(oru(control_id="M2")) == "AE"
            assert await sender.ask(oru(obr(status="ZZ"), control_id="M3")) == "AE", "not even kept"
            assert await sender.ask(oru(control_id="M4", f15="AL")) == "CE"


async def test_at_the_end_what_arrived_is_answered(settings):
    async with running(settings) as (bridge, port), connected(port) as sender:
        await sender.send(framed(oru().encode()))
        await asyncio.sleep(0.05)
        bridge.stop()
        assert code_of(await sender.answer()) in {"AA", None}
        assert await sender.answer() is None
