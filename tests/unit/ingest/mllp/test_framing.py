"""Frames in a stream, whatever the chunks that it arrives in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.ingest.mllp.framing import FrameReader, Framing, framed

WHOLE, UNFINISHED = Framing.WHOLE, Framing.UNFINISHED
LARGE, OUTSIDE = Framing.TOO_LARGE, Framing.OUTSIDE


def read(stream, cuts=(), limit=1000):
    reader = FrameReader(limit)
    edges = [0, *sorted(cuts), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    found = [(f.framing, f.content) for chunk in chunks for f in reader.feed(chunk)]
    return found + [(f.framing, f.content) for f in reader.finish()]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (framed(b"a"), [(WHOLE, b"a")]),
        (framed(b"a") + framed(b"b"), [(WHOLE, b"a"), (WHOLE, b"b")]),
        (b"\x0ba\x1c\x0bb\x1c", [(WHOLE, b"a"), (WHOLE, b"b")]),
        (b"\r\n\x0ba\x1c\r\n\r\n\x0bb\x1c\r", [(WHOLE, b"a"), (WHOLE, b"b")]),
        (b"\x0ba\x0bb\x1c\r", [(UNFINISHED, b"a"), (WHOLE, b"b")]),
        (b"\x0ba", [(UNFINISHED, b"a")]),
        (b"GET / HTTP/1.1\r\n\r\n", [(OUTSIDE, b"")]),
        (b"MSH|x\r\x0ba\x1c\r", [(OUTSIDE, b""), (WHOLE, b"a")]),
        (b"x\x0ba\x1cy\x0bb\x1c\r", [(OUTSIDE, b""), (WHOLE, b"a"), (OUTSIDE, b""), (WHOLE, b"b")]),
        (framed(b"a" * 1001) + framed(b"b"), [(LARGE, b"a" * 1000), (WHOLE, b"b")]),
        (b"", []),
    ],
)
def test_frames_of_a_stream_and_what_is_none(stream, frames):
    assert read(stream) == frames
    assert read(stream, range(len(stream))) == frames


CONTENT = st.binary(max_size=60).map(lambda b: b.replace(b"\x0b", b"v").replace(b"\x1c", b"f"))


@given(st.lists(CONTENT, max_size=6), st.lists(st.integers(0, 300), max_size=12))
def test_messages_arrive_whole_in_any_chunks(contents, cuts):
    stream = b"".join(map(framed, contents))
    assert read(stream, [c for c in cuts if c < len(stream)]) == [(WHOLE, c) for c in contents]


PIECES = st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"a", b"bc" * 8]), max_size=30)


@given(PIECES, st.lists(st.integers(0, 300), max_size=12))
def test_any_stream_gives_the_same_events_in_any_chunks(pieces, cuts):
    stream = b"".join(pieces)
    assert read(stream, [c for c in cuts if c < len(stream)], 20) == read(stream, (), 20)


def test_of_a_frame_that_is_too_large_only_a_head_is_kept():
    reader = FrameReader(100_000)
    list(reader.feed(b"\x0bMSH|"))
    for _ in range(1000):
        list(reader.feed(b"x" * 10_000))
    (frame,) = reader.feed(b"\x1c\r")
    assert frame.framing is LARGE
    assert frame.content.startswith(b"MSH|")
    assert len(frame.content) == 4096
