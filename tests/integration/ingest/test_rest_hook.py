"""R4 rest-hook Subscriptions: what a FHIR server sends, on a real socket, until it lies on the topic."""

import json

import pytest

from tests.integration.ingest.bridge_harness import (
    JSON,
    NAME,
    SECRET,
    bridge_settings,
    put_path,
    records,
    report,
    running,
)

pytestmark = pytest.mark.anyio


async def test_a_resource_is_published_as_it_came_and_keyed_by_its_reference(settings, tmp_path):
    body = json.dumps(report("r1")).encode() + b"\n"
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.put(put_path(report("r1")), content=body)
    assert answer.status_code == 200, answer.text
    assert records(settings) == [("DiagnosticReport/r1", report("r1"))]


async def test_a_deletion_is_an_event_too(settings, tmp_path):
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.delete(put_path(report("r1")))
    assert answer.status_code == 200
    ((key, bundle),) = records(settings)
    assert key == "DiagnosticReport/r1"
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "DiagnosticReport/r1"}}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Basic {SECRET}"}, 401),
        ({"authorization": f"bearer {SECRET}"}, 200),
    ],
)
async def test_the_shared_secret_decides(settings, tmp_path, headers, status):
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.put(put_path(report("r1")), json=report("r1"), headers=headers)
    assert answer.status_code == status
    assert len(records(settings)) == (status == 200)


async def test_a_rotated_secret_is_read_again(settings, tmp_path):
    wanted = bridge_settings(settings, tmp_path)
    async with running(wanted) as (_, client):
        wanted.bridge.secret_file.write_text(f"next-secret-of-the-bridge\n{SECRET}\n")
        for secret in (SECRET, "next-secret-of-the-bridge"):
            headers = {"authorization": f"Bearer {secret}"}
            answer = await client.put(put_path(report("r1")), json=report("r1"), headers=headers)
            assert answer.status_code == 200, secret


CANARY = "CANARY-Smith-19520101"


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (f"/subscriptions/{NAME}", CANARY.encode(), 400, "not-json"),
        (f"/subscriptions/{NAME}", f'{{"a":1,"{CANARY}":2,"{CANARY}":3}}'.encode(), 400, "duplicate"),
        (f"/subscriptions/{NAME}", b"\xff\xfe" + CANARY.encode(), 400, "not-json"),
        (f"/subscriptions/{NAME}", b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "not-json"),
        (f"/subscriptions/{NAME}", b'{"resourceType":"Patient","id":"p"}', 422, "unsupported"),
        (f"/subscriptions/{NAME}", b'{"resourceType":"DiagnosticReport"}', 422, "missing-id"),
        (f"/subscriptions/{NAME}/DiagnosticReport/other", None, 422, "the path names"),
        (f"/subscriptions/{NAME}/Patient/r1", None, 422, "unsupported"),
        (f"/subscriptions/{NAME}/DiagnosticReport/{'x' * 65}", None, 422, "unsupported"),
        ("/subscriptions/someone-elses/DiagnosticReport/r1", None, 404, "no such subscription"),
    ],
)  # fmt: skip
async def test_what_is_no_notification_is_refused_without_its_content(
    settings, tmp_path, path, body, status, said, capfd
):
    content = json.dumps(report("r1")).encode() if body is None else body
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.post(path, content=content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    (issue,) = answer.json()["issue"]
    assert said in issue["diagnostics"]
    assert CANARY not in answer.text + "".join(capfd.readouterr())
    assert records(settings) == []


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-type": "application/fhir+xml; charset=UTF-8"}, "application/fhir+json"),
        ({"content-encoding": "gzip"}, "compressed"),
    ],
)
async def test_other_formats_are_refused_with_the_remedy(settings, tmp_path, headers, said):
    async with running(bridge_settings(settings, tmp_path)) as (_, client):
        answer = await client.put(put_path(report("r1")), content=b"<x/>", headers=JSON | headers)
    assert answer.status_code == 415
    assert said in answer.text


async def test_a_body_above_the_limit_is_refused_with_and_without_a_length(settings, tmp_path):
    small = bridge_settings(settings, tmp_path, max_body_bytes=2_000)

    async def parts():
        for _ in range(4):
            yield b" " * 1_000

    async with running(small) as (_, client):
        stated = await client.put(put_path(report("r1")), content=b" " * 2_001)
        chunked = await client.put(put_path(report("r1")), content=parts())
    assert (stated.status_code, chunked.status_code) == (413, 413)
