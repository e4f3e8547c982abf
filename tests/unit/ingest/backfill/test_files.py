"""Files of an export: every line once, wherever a run was cut off; damaged ones say where."""

import asyncio
import gzip
import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from oncofhir.ingest.backfill.files import Files, find_files
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError
from tests.builders import diagnostic_report

LINE = json.dumps(diagnostic_report("1"))


def read(files, after=None, page_size=3, max_line_bytes=10_000):
    async def all_pages():
        source = Files(files, page_size=page_size, max_line_bytes=max_line_bytes)
        return [item async for page in source.pages(after, None) for item in page]

    return asyncio.run(all_pages())


def written(folder, name, content):
    file = folder / name
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


lines = st.lists(
    st.sampled_from([LINE, "{broken", "", "  ", json.dumps({"a": "Größe"})]).map(str.encode),
    max_size=12,
)


@given(
    st.lists(st.tuples(lines, st.booleans(), st.sampled_from([b"\n", b"\r\n"])), max_size=4),
    st.integers(1, 5),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_run_that_goes_on_at_any_item_reads_exactly_the_rest(tmp_path, content, page_size):
    files = []
    for number, (some, is_gzip, end) in enumerate(content):
        # the first line is JSON, so that the file is read line by line
        name = f"{number}.ndjson.gz" if is_gzip else f"{number}.ndjson"
        files.append(written(tmp_path, name, end.join([LINE.encode(), *some])))
    every = read(files, page_size=page_size)
    expected = [x.strip() for some, _, _ in content for x in (LINE.encode(), *some) if x.strip()]
    assert [item.raw for item in every] == expected
    for number, item in enumerate(every):
        rest = read(files, json.loads(json.dumps(item.position)), page_size)
        assert [(i.origin, i.raw) for i in rest] == [(i.origin, i.raw) for i in every[number + 1 :]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps([diagnostic_report("1"), diagnostic_report("2")], indent=2)),
        ("a.json", json.dumps(diagnostic_report("1"), indent=2)),
        ("a.ndjson", json.dumps(diagnostic_report("1"), indent=1) * 2),
        ("a.json", f"{LINE}\n{LINE}"),
        ("a.dat", f"\ufeff{LINE}\n\n{LINE}\n"),
    ],
)
def test_other_forms_of_json_are_read_and_go_on_too(tmp_path, name, content):
    file = written(tmp_path, name, content.encode())
    every = read([file])
    assert {json.loads(item.raw)["id"] for item in every} <= {"1", "2"}
    assert len(every) == content.count("DiagnosticReport")
    for number, item in enumerate(every):
        assert len(read([file], item.position)) == len(every) - number - 1


def test_utf_16_is_read(tmp_path):
    file = written(tmp_path, "a.ndjson", f"{LINE}\n{LINE}".encode("utf-16"))
    assert [json.loads(item.raw)["id"] for item in read([file])] == ["1", "1"]


def test_a_truncated_file_gives_what_it_has_and_says_so(tmp_path):
    whole = gzip.compress("\n".join([LINE] * 5000).encode())
    first, second = tmp_path / "1.ndjson.gz", written(tmp_path, "2.ndjson", LINE.encode())
    first.write_bytes(whole[: len(whole) // 2])
    *_, damaged, last = read([first, second])
    assert damaged.reason is Reason.UNREADABLE_DOCUMENT
    assert "behind line" in damaged.detail
    assert last.origin == "2.ndjson:1"
    assert [i.origin for i in read([first, second], damaged.position)] == ["2.ndjson:1"]


def test_a_line_that_is_too_long_is_left_out_and_the_next_one_read(tmp_path):
    long = json.dumps(diagnostic_report("long", conclusion="x" * 300_000))
    file = written(tmp_path, "a.ndjson", f"{LINE}\n{long}\n{LINE}".encode())
    first, second, third = read([file])
    assert (second.reason, second.origin, second.raw) == (
        Reason.BROKER_REJECTED,
        "a.ndjson:2",
        b"",
    )
    assert (first.raw, third.raw) == (LINE.encode(), LINE.encode())
    assert [item.origin for item in read([file], second.position)] == ["a.ndjson:3"]


def test_an_entry_that_is_too_long_is_left_out_and_the_next_one_read(tmp_path):
    entries = [diagnostic_report("1"), diagnostic_report("2", conclusion="x" * 300_000)]
    file = written(tmp_path, "a.json", json.dumps([*entries, entries[0]], indent=1).encode())
    first, second, third = read([file])
    assert (first.reason, second.reason, third.reason) == (None, Reason.BROKER_REJECTED, None)
    assert second.raw == b""


@pytest.mark.parametrize("name", [None, "notes.txt"])
def test_folders_without_a_json_file_are_refused(tmp_path, name):
    if name:
        (tmp_path / name).write_text(LINE)
    with pytest.raises(SettingsError, match=r"no file to read: none of the \d files"):
        find_files([tmp_path])


def test_folders_give_their_json_files_in_order_of_their_names(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.NDJSON", "a.json.gz", "notes.txt", "c.jsonl", ".hidden"):
        (tmp_path / name).write_text(LINE)
    files, others = find_files([tmp_path])
    assert [file.name for file in files] == ["a.json.gz", "2.NDJSON", "c.jsonl"]
    assert others == 2
    assert find_files([tmp_path / "notes.txt"])[0] == [tmp_path / "notes.txt"]
    with pytest.raises(SettingsError, match="no such file or folder"):
        find_files([tmp_path / "absent"])


def test_a_file_that_was_replaced_has_another_identity(tmp_path):
    file = written(tmp_path, "a.ndjson", LINE.encode())
    before = Files([file], page_size=1, max_line_bytes=100).identity
    assert Files([file], page_size=9, max_line_bytes=9).identity == before
    file.write_text(LINE.replace("final", "FINAL"))
    assert Files([file], page_size=1, max_line_bytes=100).identity != before
