"""Notification Bundles: handshake, heartbeat, events; missing events are asked for at the server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.settings import FhirSettings
from tests.integration.consumers.worker_harness import read_all
from tests.integration.ingest.bridge_harness import (
    NAME,
    bridge_settings,
    put_path,
    records,
    report,
    running,
)
from tests.integration.ingest.subscription_server import SubscriptionServer
from tests.waiting import until

pytestmark = pytest.mark.anyio
PATH = f"/subscriptions/{NAME}"


def with_source(settings, tmp_path, url, **bridge):
    given = {
        "catch_up": True,
        "gap_wait_seconds": 0.3,
        "search_interval_seconds": 60.0,
        "subscriptions": NAME,
    }
    wanted = bridge_settings(settings, tmp_path, **(given | bridge))
    return wanted.model_copy(update={"fhir": FhirSettings(base_url=url)})


def announced(settings):
    """The reports that the records announce, as the worker reads them, with repetitions."""
    found = read_all(settings, settings.kafka.diagnostic_report_topic)
    events = [event for r in found for event in decode(r.value, r.headers, "topic")]
    assert [r.key.decode() for r in found] == [event.source.unversioned for event in events]
    return [event.source.id for event in events]


@pytest.mark.parametrize("content", ["id-only", "full-resource"])
async def test_each_event_of_a_notification_is_a_record_of_its_own(settings, tmp_path, content):
    server = SubscriptionServer()
    for n in range(3):
        server.store(report(f"r{n}"))
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        for numbers in ((1, 2), (3,)):
            body = server.notification(*numbers, content=content)
            assert (await client.post(PATH, json=body)).status_code == 200
    assert sorted(announced(settings)) == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    ("sent", "carried"),
    [(f"00-{'a' * 32}-{'b' * 16}-01", {"traceparent", "tracestate"}), ("00-Jane-Doe-01", set())],
)
async def test_the_sender_s_trace_goes_on_if_it_is_valid(settings, tmp_path, sent, carried):
    server = SubscriptionServer()
    for n in range(2):
        server.store(report(f"r{n}"))
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        for numbers in ((1,), (2,)):
            answer = await client.post(
                PATH,
                json=server.notification(*numbers, content="full-resource"),
                headers={"traceparent": sent, "tracestate": "vendor=1"},
            )
            assert answer.status_code == 200
    found = read_all(settings, settings.kafka.diagnostic_report_topic)
    assert len(found) == 2
    for record in found:
        headers = dict(record.headers)
        assert {n for n in headers if n.startswith("trace")} == carried
        assert not carried or headers["traceparent"] == sent.encode()


async def test_handshakes_and_heartbeats_announce_nothing(settings, tmp_path):
    server = SubscriptionServer()
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        for kind in ("handshake", "heartbeat"):
            assert (await client.post(PATH, json=server.notification(kind=kind))).status_code == 200
        foreign = server.notification(kind="handshake", subscription="Subscription/77")
        assert (await client.post(PATH, json=foreign)).status_code == 200, "ids assigned later"
    assert records(settings) == []


async def test_events_of_another_subscription_are_refused(settings, tmp_path):
    server = SubscriptionServer()
    server.store(report("r1"))
    async with running(
        bridge_settings(settings, tmp_path, subscriptions=f"{NAME}=Subscription/5")
    ) as (_, client):
        for subscription in ("Subscription/77", f"Subscription/{NAME}", "urn:uuid:5", None):
            body = server.notification(1, subscription=subscription)
            answer = await client.post(PATH, json=body)
            assert answer.status_code == 403, answer.text
            assert "77" not in answer.text
        body = server.notification(1, subscription="https://ehr.example/fhir/Subscription/5")
        assert (await client.post(PATH, json=body)).status_code == 200
    assert announced(settings) == ["r1"]


async def test_a_gap_of_numbers_is_closed_by_the_servers_list_of_events(settings, tmp_path):
    server = SubscriptionServer()
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (bridge, client):
            for n in range(1, 8):
                server.store(report(f"r{n}"))
            for numbers in (
                (1,),
                (2, 3),
                (6,),
                (2,),
                (1,),
            ):  # 4 and 5 are lost, 7 is announced only
                assert (
                    await client.post(PATH, json=server.notification(*numbers))
                ).status_code == 200
            await until(lambda: {"r4", "r5", "r7"} <= set(announced(settings)))
            # The count follows the acknowledgement.
            await until(lambda: recovered(bridge) >= 3)
            found = sorted(announced(settings))
    assert set(found) == {f"r{n}" for n in range(1, 8)}


def recovered(bridge):
    """How many missing events the bridge says that it has recovered."""
    return missing(bridge, "recovered")


def missing(bridge, outcome):
    """How many missing events the bridge counts with this outcome."""
    labels = f'{{outcome="{outcome}",subscription="{NAME}"}}'
    lines = bridge.render_metrics().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if f"missing_events_total{labels}" in line
    )


async def test_numbers_that_the_server_has_not_are_reported_lost(settings, tmp_path):
    server = SubscriptionServer()
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (bridge, client):
            await asyncio.sleep(0.5)
            server.store(report("r1"))
            body = server.notification(1)
            status = body["entry"][0]["resource"]["parameter"]
            next(p for p in status if p["name"] == "notification-event")["part"][0][
                "valueString"
            ] = "4"
            assert (await client.post(PATH, json=body)).status_code == 200
            await until(lambda: 'outcome="lost"' in bridge.render_metrics().decode())


async def test_a_restarted_bridge_catches_up_from_where_the_topic_ends(settings, tmp_path):
    server = SubscriptionServer()
    with server.serving() as url:
        wanted = with_source(settings, tmp_path, url)
        async with running(wanted) as (_, client):
            for n in range(1, 4):
                number = server.store(report(f"r{n}"))
                assert (
                    await client.post(PATH, json=server.notification(number))
                ).status_code == 200
        for n in range(4, 7):
            server.store(report(f"r{n}"))  # nobody is notified
        async with running(wanted):
            await until(lambda: {"r4", "r5", "r6"} <= set(announced(settings)))
    assert set(announced(settings)) == {f"r{n}" for n in range(1, 7)}


@pytest.mark.parametrize("operations", [True, False])
async def test_notifications_without_content_are_answered_once_the_events_are_there(
    settings, tmp_path, operations
):
    server = SubscriptionServer(operations=operations)
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (_, client):
            for n in range(1, 4):
                number = server.store(report(f"r{n}"))
                answer = await client.post(PATH, json=server.notification(number, content="empty"))
                assert answer.status_code == 200, answer.text
                assert f"r{n}" in announced(settings)


async def test_an_empty_request_is_answered_once_what_changed_is_there(settings, tmp_path):
    server = SubscriptionServer(operations=False, criteria="DiagnosticReport?category=PAT")
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (_, client):
            for n in range(1, 4):
                server.store(report(f"r{n}"))
                assert (await client.post(PATH)).status_code == 200
                assert f"r{n}" in announced(settings)
            searches = [r for r in server.requests if r.startswith("DiagnosticReport?")]
    assert sorted(announced(settings)) == ["r1", "r2", "r3"], "each version once"
    assert all("category=PAT" in search for search in searches)


async def test_many_empty_requests_share_searches(settings, tmp_path):
    server = SubscriptionServer(operations=False)
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (_, client):
            server.store(report("r1"))
            answers = await asyncio.gather(*(client.post(PATH) for _ in range(40)))
            assert {a.status_code for a in answers} == {200}
            assert len([r for r in server.requests if r.startswith("DiagnosticReport?")]) < 20


async def test_reports_of_which_no_notification_arrives_are_found(settings, tmp_path):
    server = SubscriptionServer(operations=False)
    with server.serving() as url:
        wanted = with_source(settings, tmp_path, url, search_interval_seconds=0.5)
        async with running(wanted) as (_, client):
            await client.put(
                put_path(report("r1")), json=server.events[server.store(report("r1")) - 1]
            )
            server.store(report("r2"))
            await until(lambda: set(announced(settings)) == {"r1", "r2"})
            await asyncio.sleep(1.5)
    assert announced(settings).count("r2") == 1, "by one of several searches"


YEAR_1 = datetime(1, 1, 1, tzinfo=UTC) - datetime.now(UTC)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=10), YEAR_1])
async def test_a_later_report_that_arrives_does_not_hide_an_earlier_one_that_was_lost(
    settings, tmp_path, later
):
    server = SubscriptionServer(operations=False)
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (_, client):
            server.store(report("lost"))
            arrived = server.events[server.store(report("arrived"), later) - 1]
            assert (await client.put(put_path(arrived), json=arrived)).status_code == 200
            for name in ("lost", "added"):  # the second search follows one that found a later time
                if name == "added":
                    server.store(report(name))
                assert (await client.post(PATH)).status_code == 200
                assert name in announced(settings)


async def test_one_search_closes_a_gap_of_any_length(settings, tmp_path):
    server = SubscriptionServer(operations=False)
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (bridge, client):
            for count in (1, 900):
                for _ in range(count):
                    number = server.store(report("r1"))
                body = server.notification(number)
                assert (await client.post(PATH, json=body)).status_code == 200
            await until(lambda: missing(bridge, "searched") == 899)
            assert len([r for r in server.requests if r.startswith("DiagnosticReport?")]) <= 2


@pytest.mark.parametrize("body", [b"", b" \n"])
async def test_a_put_without_a_body_is_refused(settings, tmp_path, body):
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.put(put_path(report("r1")), content=body)
    assert answer.status_code == 400
    assert "not-json" in answer.text
    assert records(settings) == []


async def test_while_the_server_is_unreachable_an_empty_request_is_to_be_repeated(
    settings, tmp_path
):
    wanted = with_source(settings, tmp_path, "http://127.0.0.1:9/fhir")
    async with running(wanted) as (bridge, client):
        answer = await client.post(PATH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        await until(lambda: "catch_up_failures_total{" in bridge.render_metrics().decode())


@pytest.mark.scenario
async def test_without_the_subscription_at_the_server_nothing_counts_as_searched(
    settings, tmp_path
):
    server = SubscriptionServer(operations=False, exists=False)
    with server.serving() as url:
        async with running(with_source(settings, tmp_path, url)) as (bridge, client):
            assert (await client.post(PATH)).status_code == 503
            server.store(report("r1"))
            server.store(report("r2"))
            assert (await client.post(PATH, json=server.notification(2))).status_code == 200
            await until(lambda: "catch_up_failures_total{" in bridge.render_metrics().decode())
            assert missing(bridge, "searched") == 0
            server.exists = True
            await until(lambda: set(announced(settings)) == {"r1", "r2"})
