"""Header names that are no UTF-8 are read, and go back to the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from oncofhir.consumers.kafka.client_patches.header_names import HeaderName, allow_non_utf8

_CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def written(records, codec=0):
    builder = MemoryRecordsBuilder(2, codec, 2**20)
    for value, headers in records:
        builder.append(timestamp=1, key=None, value=value, headers=headers)
    builder.close()
    return builder.buffer()


def read(buffer):
    allow_non_utf8()
    return [
        (record.value, [(name.encode(), value) for name, value in record.headers])
        for record in MemoryRecords(buffer).next_batch()
    ]


@given(st.lists(st.tuples(st.binary(), st.lists(st.tuples(st.binary(), st.none() | st.binary())))))
def test_any_headers_are_read_and_written_again_byte_for_byte(records):
    if not records:
        return
    named = [(v, [(HeaderName.of(name), value) for name, value in hs]) for v, hs in records]
    assert read(written(named)) == records


@pytest.mark.parametrize("codec", _CODECS.values(), ids=_CODECS)
def test_in_every_codec(codec):
    records = [(b"a" * 500, []), (b"b", [(HeaderName.of(b"\xff\xfe"), None)]), (b"c", [("é", b"")])]
    assert read(written(records, codec)) == [
        (b"a" * 500, []),
        (b"b", [(b"\xff\xfe", None)]),
        (b"c", [("é".encode(), b"")]),
    ]


def test_names_that_are_utf_8_stay_plain_strings():
    allow_non_utf8()
    (record,) = MemoryRecords(written([(b"v", [("é", b"")])])).next_batch()
    assert type(record.headers[0][0]) is str
