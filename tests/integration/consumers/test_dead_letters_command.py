"""`oncofhir dead-letters` against letters that a worker left in a real broker."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from oncofhir.consumers.dead_letters.store import REPLAYS
from oncofhir.consumers.kafka import bounded_reader as bounded
from oncofhir.consumers.kafka.topics import refuse_missing_topics
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError
from tests.builders import CANARY
from tests.command import run_here, run_process
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio


def environment(settings):
    kinds = ("diagnostic_report", "dead_letter", "outcome", "phenotype")
    names = ("bootstrap_servers", *(f"{kind}_topic" for kind in kinds))
    return {f"ONCOFHIR_KAFKA__{n.upper()}": getattr(settings.kafka, n) for n in names}


def run(settings, *arguments, status=0, raw=False, start=run_here):
    ran = start("dead-letters", *arguments, environment=environment(settings))
    assert ran.returncode == status, ran.stderr.decode()
    assert CANARY.encode() not in ran.stderr
    if raw:
        return ran.stdout
    assert CANARY.encode() not in ran.stdout
    return [json.loads(line) for line in ran.stdout.splitlines()]


def refused(event, attempt):
    return UnreadableReport(Reason.NO_TEXT) if event.source.id.startswith("bad") else None


async def leave_letters(settings, contents):
    messages = [message(settings, c, headers=[("x-from", b"ehr")]) for c in contents]
    placed = await publish(settings, messages)
    async with running(settings, InstantProcessor(failing=refused)):
        await until(lambda: committed(settings) == len(placed))
    return messages


async def test_letters_are_listed_shown_and_replayed_once_in_order(settings):
    contents = [report("bad-1", n, note=CANARY) for n in (1, 2, 3)] + [b"{" + CANARY.encode()]
    sent = await leave_letters(settings, contents)
    listed = await asyncio.to_thread(lambda: run(settings, "list", start=run_process))
    assert len(listed) == 4
    chosen = [x for x in listed if x["reason"] == "no-text"]
    assert [x["source_offset"] for x in chosen] == [0, 1, 2]
    assert chosen[0]["stage"] == "process"
    assert await asyncio.to_thread(run, settings, "list", "--reason", "no-text") == chosen
    assert await asyncio.to_thread(run, settings, "list", "--until", "2020-01-01") == []

    place = f"{chosen[0]['partition']}:{chosen[0]['offset']}"
    (shown,) = await asyncio.to_thread(run, settings, "show", place)
    assert shown["value_bytes"] == len(sent[0].value)
    value = await asyncio.to_thread(lambda: run(settings, "show", place, "--value", raw=True))
    assert value == sent[0].value
    await asyncio.to_thread(lambda: run(settings, "show", "0:99999", status=1))

    topic = settings.kafka.diagnostic_report_topic
    wanted = ("replay", "--reason", "no-text")
    tried = await asyncio.to_thread(run, settings, *wanted, "--dry-run")
    assert [x["verdict"] for x in tried] == ["replay"] * 3
    assert len(read_all(settings, topic)) == 4
    await asyncio.to_thread(run, settings, *wanted)
    again = [r for r in read_all(settings, topic) if dict(r.headers).get(REPLAYS)]
    assert [(r.key, r.value) for r in again] == [(m.key, m.value) for m in sent[:3]]
    assert [list(r.headers) for r in again] == [[("x-from", b"ehr"), (REPLAYS, b"1")]] * 3
    once_more = await asyncio.to_thread(run, settings, *wanted)
    assert [x["verdict"] for x in once_more] == ["already-replayed"] * 3
    assert len(read_all(settings, topic)) == 7


@pytest.mark.scenario
async def test_what_fails_again_is_replayed_no_oftener_than_the_limit(settings):
    await leave_letters(settings, [report("bad-2")])
    for count in (1, 2):
        said = await asyncio.to_thread(run, settings, "replay", "--most", "2")
        assert [x["verdict"] for x in said].count("replay") == 1
        async with running(settings, InstantProcessor(failing=refused)):
            await until(lambda count=count: committed(settings) == 1 + count)
    said = await asyncio.to_thread(lambda: run(settings, "replay", "--most", "2", status=1))
    assert sorted(x["verdict"] for x in said) == ["already-replayed"] * 2 + ["replayed-too-often"]


async def test_no_broker_is_3_and_wrong_usage_2(settings):
    away = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9"})}
    )
    run(away, "list", status=3, start=run_process)
    run(settings, "show", "999:0", status=1)
    kafka = settings.kafka
    for wrong in (
        ("show", "nowhere"),
        ("list", "--since", "yesterday"),
        ("list", "--reason", "no-txt"),
        ("replay", "--stage", "both"),
        ("show", "0:99999999999999999999"),
        ("show", "4294967296:0"),
        *(
            ("replay", "--to", topic)
            for topic in (kafka.dead_letter_topic, kafka.outcome_topic, kafka.phenotype_topic)
        ),
    ):
        run(settings, *wrong, status=2)


async def test_a_replay_that_was_cut_off_is_taken_up_where_it_was(settings):
    """Killed after its first answer: every letter's record goes out, in order, few of them twice."""
    versions = 70
    await leave_letters(settings, [report("bad-3", n) for n in range(1, versions + 1)])
    first = subprocess.Popen(  # noqa: ASYNC220 - our own command, and nothing else runs in this loop
        [sys.executable, "-m", "oncofhir", "dead-letters", "replay"],
        env=os.environ | environment(settings),
        stdout=subprocess.PIPE,
    )
    with first:
        first.stdout.readline()
        first.kill()
    said = await asyncio.to_thread(run, settings, "replay")
    assert len(said) == versions
    verdicts = Counter(x["verdict"] for x in said)
    assert verdicts["already-replayed"] >= 1
    found = read_all(settings, settings.kafka.diagnostic_report_topic)
    again = [
        json.loads(r.value)["meta"]["versionId"] for r in found if dict(r.headers).get(REPLAYS)
    ]
    assert list(dict.fromkeys(again)) == [str(n) for n in range(1, versions + 1)]
    assert len(again) <= versions + 20, "no more than what was on its way comes twice"
    once_more = await asyncio.to_thread(run, settings, "replay")
    assert {x["verdict"] for x in once_more} == {"already-replayed"}


async def test_a_letter_is_not_gone_because_the_broker_is_slow(settings, monkeypatch):
    monkeypatch.setattr(bounded, "_ABSENT_SECONDS", 0.0)  # what is waited where nothing may come
    await publish(settings, [message(settings, report(f"r{n}"), key=b"k") for n in range(3)])
    topic = settings.kafka.diagnostic_report_topic
    placed = [(r.partition, r.offset) for r in read_all(settings, topic)]
    with bounded.bounded_reader(settings.kafka) as reader:
        first = reader.read_one(topic, *placed[0])
    assert (first.partition, first.offset) == placed[0]


async def test_a_topic_that_is_not_there_is_neither_written_nor_made(settings):
    await leave_letters(settings, [report("bad-9")])
    for more in ((), ("--dry-run",)):
        arguments = ("replay", "--to", "no.such.topic", *more)
        await asyncio.to_thread(lambda a=arguments: run(settings, *a, status=2))
    with pytest.raises(SettingsError, match="topic not found"):
        await asyncio.to_thread(refuse_missing_topics, {"no.such.topic"}, settings.kafka)
    listed = await asyncio.to_thread(run, settings, "list")
    assert [letter["replayed"] for letter in listed] == [False]
