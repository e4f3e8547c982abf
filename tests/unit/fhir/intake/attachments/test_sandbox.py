"""Hostile documents end their own child, and nothing else."""

import asyncio
import contextlib
import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from contextlib import asynccontextmanager
from multiprocessing import forkserver
from pathlib import Path

import pytest
import yaml

from oncofhir.fhir.intake.attachments.sandbox import ParsingBounds, ParsingPool, is_harmless
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import ParsingSettings, SettingsError
from tests.waiting import until, wait_until

LIMITS = IntakeLimits()
CHART = Path(__file__).parents[5] / "helm" / "oncofhir"
NEIGHBOUR = b"<html><body><p>Invasive ductal carcinoma, 25 mm.</p></body></html>"
NEIGHBOUR_TEXT = "Invasive ductal carcinoma, 25 mm."
SLOW = b"<r>" + b"<a>x</a>" * 2_000_000 + b"</r>"  # a real document: seconds of work

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@asynccontextmanager
async def a_pool(**bounds):
    # Enough for the slow document, which is to end by its time or by a test's own limit.
    pool = ParsingPool(ParsingBounds(**{"memory_bytes": 2 * 2**30, **bounds}))
    try:
        yield pool
    finally:
        await pool.aclose()


async def neighbours(pool):
    texts = await asyncio.gather(
        *(pool.parse(NEIGHBOUR, "text/html", "p", LIMITS) for _ in range(5))
    )
    return {decoded.text for decoded in texts}


@linux
def test_a_temporary_folder_with_too_long_a_name_is_refused_with_the_remedy(monkeypatch):
    longest = Path("/tmp")
    longest /= "x" * (75 - len(str(longest)) - 1 - 8) + f"{os.getpid():08d}"
    longest.mkdir()
    try:
        monkeypatch.setattr(tempfile, "tempdir", str(longest) + "x")
        with pytest.raises(SettingsError, match=r"76 bytes.* allows 75: set TMPDIR"):
            ParsingPool(ParsingBounds())
        monkeypatch.setattr(tempfile, "tempdir", str(longest))
        environment = os.environ | {"TMPDIR": str(longest)}
        report = longest / "r.html"
        report.write_bytes(NEIGHBOUR)
        command = [sys.executable, "-m", "oncofhir", "extract", "--output", "report", str(report)]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        assert NEIGHBOUR_TEXT.encode() in done.stdout
    finally:
        shutil.rmtree(longest)


def docx_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 100_000_000)
    return packed.getvalue()


def gzip_bomb() -> bytes:
    return gzip.compress(b"<p>" * 10_000_000)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><r>&j;</r>"
)


@pytest.mark.parametrize(
    ("data", "content_type", "reason"),
    [
        (BOMB, "application/xml", Reason.UNREADABLE_DOCUMENT),
        (b"<div>" * 200_000 + b"x", "text/html", Reason.UNREADABLE_DOCUMENT),
        (docx_bomb, "application/vnd.openxmlformats", Reason.ATTACHMENT_TOO_LARGE),
        (gzip_bomb, "text/html", Reason.ATTACHMENT_TOO_LARGE),
        (b"%PDF-1.7\ngarbage", "application/pdf", Reason.UNREADABLE_DOCUMENT),
    ],
    ids=["xml bomb", "deep html", "docx bomb", "gzip bomb", "broken pdf"],
)
def test_a_hostile_document_has_its_reason_and_its_neighbours_their_text(
    data, content_type, reason
):
    data = data() if callable(data) else data

    async def run():
        async with a_pool() as pool:
            hostile = asyncio.create_task(pool.parse(data, content_type, "p", LIMITS))
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            with pytest.raises(UnreadableReport) as caught:
                await hostile
            assert caught.value.reason is reason
            assert caught.value.location == "p"

    asyncio.run(run())


def test_a_document_that_takes_too_long_is_ended_and_its_neighbours_are_not():
    async def run():
        async with a_pool(seconds=2.0) as pool:
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            slow = asyncio.create_task(pool.parse(SLOW, "application/xml", "p", LIMITS))
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            with pytest.raises(UnreadableReport) as caught:
                await slow
            assert caught.value.reason is Reason.PARSING_TIMED_OUT
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}

    asyncio.run(run())


@linux
def test_a_document_that_needs_too_much_memory_is_refused():
    async def run():
        async with a_pool(memory_bytes=400 * 2**20) as pool:
            with pytest.raises(UnreadableReport) as caught:
                await pool.parse(SLOW, "application/xml", "p", LIMITS)
            assert caught.value.reason is Reason.PARSER_CRASHED
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}

    asyncio.run(run())


def descendants(pid: int) -> set[int]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            child = int(status.parent.name)
            found |= {child} | descendants(child)
    return found


def ticks_by_pid() -> dict[int, int]:
    """CPU of each descendant so far."""
    found = {}
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found[pid] = int(fields[11]) + int(fields[12])
    return found


def is_busy_since(before: dict[int, int]) -> bool:
    """Whether one of them has used 0.1 s of CPU."""
    return any(now - before.get(pid, 0) > 10 for pid, now in ticks_by_pid().items())


def busiest_since(before: dict[int, int]) -> int:
    """Of those that were there and of new ones: other tests leave descendants that once were busy."""
    now = ticks_by_pid()
    return max(now, key=lambda pid: now[pid] - before.get(pid, 0))


@linux
def test_a_child_that_is_killed_costs_its_own_document_only():
    async def run():
        async with a_pool() as pool:
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            before = ticks_by_pid()
            slow = asyncio.create_task(pool.parse(SLOW, "application/xml", "p", LIMITS))
            await until(lambda: is_busy_since(before))
            os.kill(busiest_since(before), signal.SIGKILL)
            with pytest.raises(UnreadableReport) as caught:
                await slow
            assert caught.value.reason is Reason.PARSER_CRASHED
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}

    asyncio.run(run())


@linux
def test_a_pool_whose_fork_server_was_killed_is_made_anew():
    async def run():
        async with a_pool() as pool:
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
            await asyncio.sleep(1.0)  # its children end with it
            for _ in range(3):
                with contextlib.suppress(UnreadableReport):
                    assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}

    asyncio.run(run())


def test_cancelled_work_gives_its_child_back():
    async def run():
        async with a_pool(processes=1) as pool:
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
            slow = asyncio.create_task(pool.parse(SLOW, "application/xml", "p", LIMITS))
            await asyncio.sleep(0.3)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}

    asyncio.run(run())


@linux
def test_no_child_outlives_a_parent_that_is_killed():
    program = f"""
import asyncio
import contextlib
from oncofhir.fhir.intake.attachments.sandbox import ParsingBounds, ParsingPool
from oncofhir.fhir.intake.limits import IntakeLimits

async def run():
    pool = ParsingPool(ParsingBounds())
    print((await pool.parse({NEIGHBOUR!r}, "text/html", "p", IntakeLimits())).text, flush=True)
    await pool.parse(b"<r>" + b"<a>x</a>" * 2_000_000 + b"</r>", "application/xml", "p", IntakeLimits())

if __name__ == "__main__":
    asyncio.run(run())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline().strip().decode() == NEIGHBOUR_TEXT
        time.sleep(0.3)
        children = descendants(parent.pid)
        assert children
        parent.kill()
        parent.wait()
        commands = [Path(f"/proc/{pid}/cmdline") for pid in children]
        wait_until(lambda: not any(c.exists() and c.read_bytes() for c in commands))


def test_plain_text_starts_no_child():
    async def run():
        async with a_pool() as pool:
            decoded = await pool.parse("Größe 25 mm".encode(), "text/plain", "p", LIMITS)
            assert decoded.text == "Größe 25 mm"
            assert pool._pool is None

    asyncio.run(run())


def test_only_utf8_text_is_harmless():
    assert is_harmless(b"T2 N0", "text/plain")
    assert not is_harmless("Größe".encode("latin-1"), "text/plain")
    assert not is_harmless(NEIGHBOUR, "text/plain")


def nested_streams(content: bytes, times: int) -> bytes:
    """A PDF whose page content is deflated several times over: a thousandth of its size each time."""
    for _ in range(times):
        content = zlib.compress(content, 1)
    filters = b"/FlateDecode " * times
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R]"
        b" /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\n"
        b"endobj\n4 0 obj\n<< /Filter ["
        + filters
        + b"] /Length %d >>\nstream\n" % len(content)
        + content
        + b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
    )


@linux
def test_a_small_pdf_that_unpacks_to_more_than_a_child_may_have_ends_its_child():
    async def run():
        pool = ParsingPool(ParsingBounds())
        try:
            data = nested_streams(b" " * (400 * 2**20), 3)
            assert len(data) < 4_000
            with pytest.raises(UnreadableReport) as caught:
                await pool.parse(data, "application/pdf", "p", LIMITS)
            assert caught.value.reason is Reason.PARSER_CRASHED
            assert await neighbours(pool) == {NEIGHBOUR_TEXT}
        finally:
            await pool.aclose()

    asyncio.run(run())


def test_the_defaults_fit_into_the_limit_of_the_chart():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    limit = values["worker"]["resources"]["limits"]["memory"]
    assert limit == "1Gi"
    parsing = ParsingSettings()
    assert parsing.memory_bytes == ParsingBounds().memory_bytes
    for_the_worker = 300 * 2**20
    assert parsing.processes * parsing.memory_bytes + for_the_worker <= 2**30
