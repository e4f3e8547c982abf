"""The worker against a real broker: everything is processed, in order, and committed."""

import asyncio
import json
import logging
import os
import threading
import urllib.request
from collections import defaultdict
from dataclasses import replace
from io import StringIO

import pytest
import structlog
from kafka.errors import CorruptRecordError

from oncofhir.consumers.health import status
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.worker import Worker
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    TooManyDeadLetters,
    UnreadableReport,
    UnsuitableServer,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import LogSettings, SettingsError, read_secret
from oncofhir.telemetry.logging import configure
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    processed_of,
    publish,
    read_all,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def get(worker, path):
    def fetch():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{worker.http_port}{path}") as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    return await asyncio.to_thread(fetch)


async def test_all_are_processed_in_order_published_and_committed(settings):
    versions = 12
    wanted = [(f"r{n}", version) for version in range(1, versions + 1) for n in range(25)]
    # Keys say nothing about the report here, so one document's versions lie in several partitions'
    # records only when its key says so: the same key keeps them in one.
    await publish(settings, [message(settings, report(name, version)) for name, version in wanted])
    processor = InstantProcessor(delay=0.001)
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) >= len(wanted))
        await until(lambda: not worker.status.in_flight)
    assert len(processor.events) == len(wanted)
    by_document = defaultdict(list)
    for event in processor.events:
        by_document[event.source.id].append(int(event.source.version))
    assert all(seen == list(range(1, versions + 1)) for seen in by_document.values())
    assert committed(settings) == len(wanted)
    rows = read_all(settings, settings.kafka.phenotype_topic)
    outcomes = read_all(settings, settings.kafka.outcome_topic)
    assert len(rows) == len(outcomes) == len(wanted)
    assert {row.key for row in rows} == {
        f"finding-DiagnosticReport/r{n}".encode() for n in range(25)
    }
    assert json.loads(rows[0].value)["machine_asserted"] is True


async def test_the_progress_log_counts_what_ended_since_its_last_line(settings):
    await publish(settings, [message(settings, report(f"p{n}")) for n in range(5)])
    await publish(settings, [message(settings, {"resourceType": "DiagnosticReport"})])
    processor = InstantProcessor()
    with structlog.testing.capture_logs() as logged:
        async with running(settings, processor, progress_seconds=0.2) as worker:
            await until(lambda: len(processor.events) == 5 and not worker.status.in_flight)
            lines = [line for line in logged if line["event"] == "progress"]
            await until(lambda: sum(e["event"] == "progress" for e in logged) > len(lines) + 1)
    lines = [line for line in logged if line["event"] == "progress"]
    assert sum(line["processed"] for line in lines) == 5
    assert sum(line["dead_lettered"] for line in lines) == 1
    last = lines[-1]
    assert (last["processed"], last["dead_lettered"], last["in_flight"]) == (0, 0, 0)
    assert last["unavailable"] == []


async def test_reports_of_one_record_and_one_document_keep_their_order(settings):
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": report(f"b{n}", 1)} for n in range(3)],
    }
    later = [report(f"b{n}", version) for version in (2, 3) for n in range(3)]
    same_key = [message(settings, content, key=b"patient") for content in (bundle, *later)]
    await publish(settings, same_key)

    processor = InstantProcessor(delay=0.02)
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 9)
    for n in range(3):
        assert [e.source.version for e in processor.events if e.source.id == f"b{n}"] == [
            "1",
            "2",
            "3",
        ]


async def test_dead_letters_are_the_records_byte_for_byte(settings):
    broken = b'{"resourceType": "DiagnosticReport", \xff\x00'
    headers = (
        ("trace", b"\x00\x01"),
        ("trace", b"again"),
        ("oncofhir-reason", b"of an earlier one"),
    )
    rejected = report("rejected")
    await publish(
        settings,
        [
            message(settings, broken, key=b"\xfe key", headers=headers),
            message(settings, rejected),
            message(settings, report("good")),
            message(settings, report("unreadable")),
        ],
    )

    def failing(event, attempt):
        if event.source.id == "rejected":
            return RequestRejected(Reason.STORE_REJECTED, "http://store")
        if event.source.id == "unreadable":
            return UnreadableReport(Reason.EMPTY_ATTACHMENT, "DiagnosticReport.presentedForm[0]")
        return None

    processor = InstantProcessor(failing=failing)
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined)
        await until(lambda: not worker.status.in_flight and processor.attempts)
        await until(lambda: not worker.status.in_flight_since and len(processor.attempts) == 3)
    assert committed(settings) == 4
    letters = {
        letter.key: letter for letter in read_all(settings, settings.kafka.dead_letter_topic)
    }
    assert len(letters) == 3
    letter = letters[b"\xfe key"]
    assert letter.value == broken
    assert tuple(letter.headers[:3]) == headers
    added = dict(letter.headers[3:])
    assert added["oncofhir-reason"] == b"not-json"
    assert added["oncofhir-stage"] == b"decode"
    assert added["oncofhir-topic"] == settings.kafka.diagnostic_report_topic.encode()
    letter = letters[b"DiagnosticReport/rejected"]
    assert json.loads(letter.value) == rejected
    assert dict(letter.headers)["oncofhir-reason"] == b"store-rejected"
    statuses = {
        json.loads(row.value)["source"]: json.loads(row.value)["status"]
        for row in read_all(settings, settings.kafka.outcome_topic)
    }
    assert statuses.pop("DiagnosticReport/good") == "found"
    assert set(statuses.values()) == {"dead-lettered"}
    assert len(statuses) == 3


async def test_the_largest_record_still_fits_among_the_dead_letters(settings):
    broken = os.urandom(settings.kafka.max_request_bytes - 1_000)
    await publish(settings, [message(settings, broken, key=b"k"), message(settings, report("r1"))])
    processor = InstantProcessor()
    async with running(settings, processor):
        await until(lambda: committed(settings) == 2)
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    assert letter.value == broken


async def test_one_bad_report_of_a_record_leaves_the_others_in_place(settings):
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": report(name)} for name in ("good", "bad")],
    }
    await publish(settings, [message(settings, bundle)])
    bad = UnreadableReport(Reason.EMPTY_ATTACHMENT)
    processor = InstantProcessor(failing=lambda event, _: bad if event.source.id == "bad" else None)
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.attempts) == 2 and not worker.status.in_flight_since)
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    assert json.loads(letter.value) == bundle
    assert dict(letter.headers)["oncofhir-entries"] == b"1"
    outcomes = [json.loads(o.value) for o in read_all(settings, settings.kafka.outcome_topic)]
    assert {o["source"]: o["status"] for o in outcomes} == {
        "DiagnosticReport/good": "found",
        "DiagnosticReport/bad": "dead-lettered",
    }


async def test_a_fault_of_ours_is_retried_then_dead_lettered(settings):
    await publish(settings, [message(settings, report("r1")), message(settings, report("r2"))])
    processor = InstantProcessor(
        failing=lambda event, _: ValueError("boom") if event.source.id == "r1" else None
    )
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined and len(processor.events) == 1)
        await until(lambda: not worker.status.in_flight)
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    headers = dict(letter.headers)
    assert headers["oncofhir-reason"] == b"unexpected"
    assert int(headers["oncofhir-attempts"]) >= 5
    assert headers["oncofhir-detail"] == b"ValueError", "the type, never the message"


async def test_transient_trouble_of_one_report_holds_up_only_its_document(settings):
    await publish(
        settings,
        [message(settings, report("slow", version)) for version in (1, 2)]
        + [message(settings, report(f"r{n}")) for n in range(10)],
    )
    down = DependencyUnavailable(Reason.STORE_FAILED, "http://store")
    processor = InstantProcessor(
        failing=lambda event, attempt: (
            down
            if event.source.id == "slow" and event.source.version == "1" and attempt < 4
            else None
        )
    )
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 12)
    order = [(e.source.id, e.source.version) for e in processor.events]
    assert order[-2:] == [("slow", "1"), ("slow", "2")]
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_an_outage_pauses_and_ends_without_dead_letters(settings):
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(30)])
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 30)
        processor.is_out = DependencyUnavailable(Reason.MODEL_UNREACHABLE, "http://model")
        await publish(settings, [message(settings, report(f"s{n}")) for n in range(30)])
        await until(lambda: worker.status.open_circuits)
        await until(lambda: worker._poll_thread.partitions_paused)
        status, body = await get(worker, "/ready")
        assert status == 503
        assert json.loads(body)["unavailable"] == ["model"]
        assert (await get(worker, "/live"))[0] == 200
        await asyncio.sleep(1.0)
        assert worker.status.open_circuits
        processor.is_out = None
        await until(lambda: len(processor.events) == 60)
        await until(lambda: not worker.status.open_circuits)
        assert (await get(worker, "/ready"))[0] == 200
    assert not read_all(settings, settings.kafka.dead_letter_topic)
    assert committed(settings) == 60


async def test_dependencies_are_awaited_before_anything_is_consumed(settings):
    await publish(settings, [message(settings, report("r1"))])
    processor = InstantProcessor()
    processor.is_out = DependencyUnavailable(Reason.STORE_UNREACHABLE, "http://store:1/fhir")
    output = StringIO()
    configure(LogSettings(format="json"), output)
    async with running(settings, processor) as worker:
        await until(lambda: "waiting for dependency" in output.getvalue())
        assert (await get(worker, "/startup"))[0] == 503
        assert (await get(worker, "/live"))[0] == 200
        code, body = await get(worker, "/ready")
        assert (code, json.loads(body)["waiting_for"]) == (503, "store")
        processor.is_out = None
        await until(lambda: len(processor.events) == 1)
        assert (await get(worker, "/startup"))[0] == 200
        assert "waiting_for" not in json.loads((await get(worker, "/ready"))[1])
    assert processor.attempts == {"DiagnosticReport/r1/_history/1": 1}
    assert "http://store:1/fhir" in output.getvalue()
    assert "Traceback" not in output.getvalue()


async def test_it_is_told_to_end_while_a_dependency_hangs_at_start(settings):
    hanging = asyncio.Event()
    processor = InstantProcessor()

    async def check_dependencies():
        hanging.set()
        await asyncio.sleep(600)

    processor.check_dependencies = check_dependencies
    worker = Worker(settings, processor)
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(hanging.wait(), 30)
    worker.stop()
    await asyncio.wait_for(task, 10)


async def test_finished_offsets_are_committed_when_it_halts_while_others_are_at_work(settings):
    """The one that halts it, those that are at work and those that wait stay; what is done counts."""
    names = [f"r{n}" for n in range(40)]
    await publish(settings, [message(settings, report(name)) for name in names])
    unsuitable = UnsuitableServer(Reason.STORE_FHIR_VERSION, "http://store")
    down = DependencyUnavailable(Reason.STORE_FAILED, "http://store")
    processor = InstantProcessor()
    done = lambda: len(processor.events)  # noqa: E731

    def failing(event, attempt):
        if event.source.id == "last":
            return unsuitable
        return down if event.source.id == "retried" else None

    processor.failing = failing
    task = asyncio.create_task(Worker(settings, processor).run())
    await until(lambda: done() == 40)
    processor.delay = 0.5
    await publish(settings, [message(settings, report(n)) for n in ("retried", "last", "slow")])
    with pytest.raises(UnsuitableServer):
        await asyncio.wait_for(task, 30)
    assert committed(settings) >= 40
    processor.failing = lambda event, attempt: None
    processor.delay = 0.0
    async with running(settings, processor):
        await until(lambda: {"retried", "last", "slow"} <= {e.source.id for e in processor.events})
    assert committed(settings) == 43
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_a_report_without_an_outcome_is_read_again_by_the_next_worker_after_an_outage(
    settings,
):
    """Told to end while the breaker is open: at once, and nothing of what waits is committed."""
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined)
        processor.is_out = DependencyUnavailable(Reason.STORE_UNREACHABLE, "http://store")
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(10)])
        await until(lambda: worker.status.open_circuits)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < settings.shutdown_timeout_seconds
    assert committed(settings) == 0
    processor.is_out = None
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 10)
    assert committed(settings) == 10


async def test_a_broker_that_is_down_at_start_is_waited_for():
    broker = EmbeddedBroker()
    settings = settings_for(broker.address)
    output = StringIO()
    configure(LogSettings(format="json"), output)
    processor = InstantProcessor()
    try:
        async with running(settings, processor):
            await until(lambda: "waiting for dependency" in output.getvalue())
            await asyncio.to_thread(broker.start)
            await asyncio.to_thread(ensure_topics, settings.kafka)
            await publish(settings, [message(settings, report("r1"))])
            await until(lambda: len(processor.events) == 1)
    finally:
        broker.stop()
    assert broker.address in output.getvalue()
    assert "Traceback" not in output.getvalue()


async def test_refused_credentials_halt(settings):
    await publish(settings, [message(settings, report("r1"))])
    denied = AccessDenied(Reason.STORE_ACCESS_DENIED, "http://store")
    processor = InstantProcessor(failing=lambda event, attempt: denied)
    with pytest.raises(AccessDenied):
        await asyncio.wait_for(Worker(settings, processor).run(), 60)
    assert committed(settings) == 0
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_a_secret_file_that_is_gone_ends_the_worker_and_dead_letters_nothing(
    settings, tmp_path
):
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(5)])
    processor = InstantProcessor()

    async def process(event):
        read_secret(tmp_path / "token")

    processor.process = process
    with pytest.raises(SettingsError, match="token"):
        await asyncio.wait_for(Worker(settings, processor).run(), 60)
    assert committed(settings) == 0
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_the_cap_on_dead_letters_halts(settings):
    few = settings.retry.model_copy(update={"max_consecutive_dead_letters": 3})
    capped = settings.model_copy(update={"retry": few})
    await publish(capped, [message(capped, b"no json", key=str(n).encode()) for n in range(200)])
    with pytest.raises(TooManyDeadLetters):
        await asyncio.wait_for(Worker(capped, InstantProcessor()).run(), 60)
    assert len(read_all(capped, capped.kafka.dead_letter_topic)) <= 2


async def test_a_worker_that_is_restarted_goes_on_counting_dead_letters(settings):
    few = settings.retry.model_copy(update={"max_consecutive_dead_letters": 20})
    one_by_one = settings.kafka.model_copy(update={"max_in_flight_records": 1})
    capped = settings.model_copy(update={"retry": few, "kafka": one_by_one})
    await publish(capped, [message(capped, b"no json", key=str(n).encode()) for n in range(60)])
    letters = lambda: len(read_all(capped, capped.kafka.dead_letter_topic))  # noqa: E731
    with pytest.raises(TooManyDeadLetters):
        await asyncio.wait_for(Worker(capped, InstantProcessor()).run(), 60)
    assert letters() == 19
    with pytest.raises(TooManyDeadLetters):
        await asyncio.wait_for(Worker(capped, InstantProcessor()).run(), 60)
    assert letters() == 20, "one more, not nineteen"


@pytest.mark.scenario
async def test_two_workers_share_the_partitions_and_lose_nothing(settings):
    total = 400
    first, second = InstantProcessor(delay=0.02), InstantProcessor(delay=0.02)
    seen = lambda: {str(e.source) for e in first.events + second.events}  # noqa: E731
    async with running(settings, first) as one:
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(total)])
        await until(lambda: len(first.events) > 10)
        async with running(settings, second) as two:
            await until(lambda: two._poll_thread.assignment.partitions)
            more = [message(settings, report(f"s{n}")) for n in range(total)]
            other_topic = settings.kafka.document_reference_topic
            await publish(settings, [replace(m, topic=other_topic) for m in more[::2]] + more[1::2])
            await until(lambda: len(seen()) == 2 * total)
            assert second.events
            assert (
                not one._poll_thread.assignment.partitions & two._poll_thread.assignment.partitions
            )
    assert committed(settings) <= 2 * total - len(more[::2]), "nothing that is not there"


async def test_a_long_backlog_is_held_in_bounds(settings):
    small = settings.kafka.model_copy(
        update={"max_in_flight_records": 4, "max_uncommitted_records": 30}
    )
    bounded = settings.model_copy(update={"kafka": small})
    await publish(bounded, [message(bounded, report(f"r{n}")) for n in range(300)])
    processor = InstantProcessor(delay=0.005)
    most = 0
    async with running(bounded, processor) as worker:
        while len(processor.events) < 300:
            most = max(most, worker.status.in_flight)
            await asyncio.sleep(0.001)
    assert most <= 64  # 16 a place
    assert processor.most_at_once <= 4
    assert committed(bounded) == 300


async def test_it_is_ready_when_it_has_joined_and_live_while_the_poll_thread_moves(
    settings, monkeypatch
):
    monkeypatch.setattr(status, "LIVE_SECONDS", 0.8)
    hung, go_on = threading.Event(), threading.Event()

    async with running(settings, InstantProcessor()) as worker:
        await until(lambda: worker.status.is_started)
        assert (await get(worker, "/ready"))[0] == 503, "not in the group yet"
        await until(lambda: worker.status.ready().ok)
        assert (await get(worker, "/live"))[0] == 200
        noted = worker._poll_thread._end_offsets.refresh

        def hang(consumer):
            hung.set()
            go_on.wait(20)
            noted(consumer)

        worker._poll_thread._end_offsets.refresh = hang  # on the poll thread, in each of its turns
        try:
            await until(hung.is_set)
            await until(lambda: not worker.status.live().ok)
            assert (await get(worker, "/live"))[0] == 503
        finally:
            go_on.set()
        await until(lambda: worker.status.live().ok)


async def test_a_poll_thread_that_dies_ends_the_worker(settings):
    worker = Worker(settings, InstantProcessor())
    task = asyncio.create_task(worker.run())
    await until(lambda: worker.status.joined)

    def fail(consumer):
        raise ZeroDivisionError

    worker._poll_thread._end_offsets.refresh = fail
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, 20)


async def test_it_is_not_ready_while_every_poll_fails(settings):
    async with running(settings, InstantProcessor()) as worker:
        await until(lambda: worker.status.ready().ok)
        looked = worker._poll_thread._end_offsets.refresh

        def fail(consumer):
            raise CorruptRecordError

        worker._poll_thread._end_offsets.refresh = fail  # on the poll thread, in each of its turns
        await until(lambda: not worker.status.ready().ok)
        worker._poll_thread._end_offsets.refresh = looked
        await until(lambda: worker.status.ready().ok)


async def test_what_a_dead_letter_leaves_is_told_once_it_can_be(settings):
    """The rows of the earlier version, whatever hinders it at first."""
    await publish(
        settings, [message(settings, report("bad", 2)), message(settings, report("good"))]
    )
    rejected = RequestRejected(Reason.STORE_REJECTED, "http://store")
    processor = InstantProcessor(failing=lambda e, _: rejected if e.source.id == "bad" else None)
    hindered = [
        DependencyUnavailable(Reason.STORE_FAILED, "http://store"),
        StoreConflict(Reason.STORE_CONFLICT),
    ]

    async def mark_outdated(event, reason):
        assert reason is Reason.STORE_REJECTED
        if hindered:
            raise hindered.pop()
        return (processed_of(event),)

    processor.mark_outdated = mark_outdated
    async with running(settings, processor) as worker:
        await until(lambda: committed(settings) == 2)
        await until(lambda: not worker.status.in_flight_since)
    left = [json.loads(r.value) for r in read_all(settings, settings.kafka.phenotype_topic)]
    assert sorted(row["source"] for row in left) == [
        "DiagnosticReport/bad",
        "DiagnosticReport/good",
    ]
    assert len(read_all(settings, settings.kafka.dead_letter_topic)) == 1


@pytest.mark.parametrize(
    "error", [RequestRejected(Reason.STORE_REJECTED, "http://store"), ZeroDivisionError("Jane")]
)
async def test_a_dead_letter_gets_out_whatever_cannot_be_told_of_it(settings, error):
    await publish(settings, [message(settings, report("bad", 2))])
    processor = InstantProcessor(failing=lambda e, _: UnreadableReport(Reason.NO_TEXT))

    async def mark_outdated(event, reason):
        raise error

    processor.mark_outdated = mark_outdated
    async with running(settings, processor):
        await until(lambda: committed(settings) == 1)
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    assert dict(letter.headers)["oncofhir-reason"] == b"no-text"


CANARY = "CANARY-Jane-Doe-4711"


async def test_phi_gets_nowhere(settings):
    output = StringIO()
    configure(LogSettings(level="DEBUG", format="json"), output)
    text = {"conclusion": CANARY}
    await publish(
        settings,
        [
            message(settings, f'{{"broken": "{CANARY}'.encode(), key=CANARY.encode()),
            message(settings, report("faulty", **text), headers=(("x-patient", CANARY.encode()),)),
            message(settings, report("rejected", **text)),
            message(settings, report("fine", **text), headers=(("traceparent", CANARY.encode()),)),
        ],
    )

    def failing(event, attempt):
        logging.getLogger("some.library").error("cannot read %s", CANARY)
        logging.getLogger("another.library").error(f"cannot read {CANARY}")  # noqa: G004
        logging.getLogger("py.warnings").warning("%s", CANARY)
        if event.source.id == "faulty":
            return ValueError(CANARY)
        if event.source.id == "rejected":
            return RequestRejected(Reason.STORE_REJECTED, "http://store")
        return None

    processor = InstantProcessor(failing=failing)
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.attempts) == 3 and not worker.status.in_flight_since)
        probes = [await get(worker, path) for path in ("/metrics", "/ready", "/live", "/startup")]
    assert "record sent to dead-letter topic" in output.getvalue()
    assert "some.library" in output.getvalue()
    assert CANARY not in output.getvalue()
    assert all(CANARY.encode() not in body for _, body in probes)
    kafka = settings.kafka
    letters = read_all(settings, kafka.dead_letter_topic)
    assert len(letters) == 3
    ours = [value for r in letters for name, value in r.headers if name.startswith("oncofhir-")]
    rows = read_all(settings, kafka.phenotype_topic) + read_all(settings, kafka.outcome_topic)
    ours += [value for row in rows for _, value in row.headers]
    ours += [row.key for row in rows] + [row.value for row in rows]
    assert ours
    assert all(CANARY.encode() not in value for value in ours)
