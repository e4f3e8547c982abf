"""The form of messages: framing, segments, character sets, escapes, times; whatever the bytes are."""

import contextlib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.hl7v2.escapes import Delimiters, unescape
from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.fhir.hl7v2.message import is_message, parse_message
from oncofhir.fhir.hl7v2.times import date_time, instant
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings
from tests.hl7v2_messages import mdm, obr, obx, oru, txa

SETTINGS = Hl7v2Settings()
MESSAGE = oru(obr(), obx("Naïve größe"))
KNOWN = read_events(MESSAGE.encode(), SETTINGS)


@pytest.mark.parametrize(
    "value",
    [
        MESSAGE.encode(),
        MESSAGE.rstrip("\r").encode(),
        MESSAGE.replace("\r", "\n").encode(),
        MESSAGE.replace("\r", "\r\n").encode(),
        b"\x0b" + MESSAGE.encode() + b"\x1c\r",
        b"\xef\xbb\xbf" + MESSAGE.encode(),
        b"\r\n" + MESSAGE.encode() + b"\r\r",
        MESSAGE.replace("\rPID", "\r\r\rPID").encode(),
        MESSAGE.replace("|F1", "|F1").replace("^~\\&", "^~\\&#").encode(),
        MESSAGE.replace("|2.5.1|", "|2.9|").encode(),
        MESSAGE.replace("Naïve", "Na\rADD|ïve").encode(),
    ],
)
def test_tolerated_forms_are_the_same_message(value):
    assert is_message(value)
    assert read_events(value, SETTINGS) == KNOWN


@pytest.mark.parametrize("header", ["FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r", "BHS|^~\\&|LAB\r"])
def test_a_batch_is_refused_as_one(header):
    value = f"{header}{MESSAGE}BTS|1\r".encode()
    assert is_message(value)
    with pytest.raises(UnreadableReport, match="batch") as caught:
        parse_message(value)
    assert caught.value.reason is Reason.INVALID_HL7V2


def test_delimiters_are_those_of_the_message():
    other = MESSAGE.translate(str.maketrans("|^~\\&", "$%*?@"))
    (event,) = read_events(other.encode(), SETTINGS)
    assert event == KNOWN[0]


def test_a_line_break_within_a_text_is_kept():
    (broken,) = read_events(MESSAGE.replace("Naïve größe", "one\rtwo").encode(), SETTINGS)
    (escaped,) = read_events(MESSAGE.replace("Naïve größe", "one\\.br\\two").encode(), SETTINGS)
    assert broken.resource["presentedForm"] == escaped.resource["presentedForm"]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("8859/1", "latin-1"), ("ISO-8859-1", "latin-1"), ("8859/15", "iso8859-15"),
        ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("UTF-8", "utf-8"), ("UNICODE", "utf-16"),
        ("UNICODE UTF-16", "utf-16-le"), ("UNICODE UTF-16", "utf-16-be"), ("UNICODE UTF-16", "utf-16"),
        ("UNICODE UTF-32", "utf-32"), ("8859/1~UNICODE UTF-8", "latin-1"), ("GB 18030-2000", "gb18030"),
    ],
)  # fmt: skip
def test_the_character_set_is_that_of_msh_18(declared, codec):
    value = MESSAGE.replace("UNICODE UTF-8", declared).encode(codec)
    assert is_message(value)
    (event,) = read_events(value, SETTINGS)
    assert event.resource["presentedForm"] == KNOWN[0].resource["presentedForm"]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("ASCII", "latin-1"), ("ASCII", "utf-8"), ("UNICODE UTF-8", "latin-1"), ("8859/1", "utf-8"),
        ("", "latin-1"), ("8859/1", "utf-16"), ("UNICODE UTF-16", "utf-8"), ("ISO IR87", "utf-8"),
        ("CANARY", "utf-8"), ("8859/1", "cp1252"),
    ],
)  # fmt: skip
def test_a_wrong_character_set_is_refused(declared, codec):
    text = MESSAGE.replace("UNICODE UTF-8", declared).replace(
        "Naïve", "“Naïve”" if codec == "cp1252" else "Naïve"
    )
    with pytest.raises(UnreadableReport) as caught:
        read_events(text.encode(codec), SETTINGS)
    assert (caught.value.reason, caught.value.location) == (Reason.UNDECODABLE_TEXT, "MSH-18")
    assert "CANARY" not in str(caught.value)


def test_the_default_set_is_a_setting():
    value = MESSAGE.replace("UNICODE UTF-8", "").encode("latin-1")
    (event,) = read_events(value, Hl7v2Settings(default_charset="8859/1"))
    assert event.resource["presentedForm"] == KNOWN[0].resource["presentedForm"]


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("a\\F\\\\S\\\\T\\\\R\\\\E\\b", "a|^&~\\b"), ("\\H\\bold\\N\\", "bold"), ("a\\.br\\b", "a\nb"),
        ("a\\.sp2\\b", "a\n\nb"), ("a\\.sp+2\\b", "a\n\nb"), ("a\\.sp\\b", "a\nb"), ("a\\.sk3\\b", "a   b"),
        ("\\.in+4\\\\.ti-2\\\\.fi\\\\.nf\\x\\.ce\\y", "x\ny"), ("\\X4142\\", "AB"), ("\\X0D0A\\", "\n"),
        ("\\XC3A4\\", "ä"), ("\\Zlocal\\x", "x"), ("C:\\path\\file", "C:\\path\\file"), ("a\\", "a\\"),
        ("a\\b", "a\\b"), ("\\.sp9999\\", "\n" * 200), ("\\\\", "\\\\"), ("\\E\\.br\\E\\", "\\.br\\"),
    ],
)  # fmt: skip
def test_escape_sequences(escaped, text):
    assert unescape(escaped, Delimiters(), "utf-8", "OBX-5") == text


@given(st.text(alphabet="ab|^~\\&\n"))
def test_whatever_is_escaped_comes_back(text):
    pairs = (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\"))
    escaped = "".join(dict(pairs).get(c, "\\.br\\" if c == "\n" else c) for c in text)
    assert unescape(escaped, Delimiters(), "utf-8", "OBX-5") == text


@pytest.mark.parametrize(
    ("text", "as_date_time", "as_instant"),
    [
        ("2026", "2026", None), ("202601", "2026-01", None), ("20260131", "2026-01-31", None),
        ("2026013115", "2026-01-31", "2026-01-31T15:00:00+00:00"),
        ("202601311530", "2026-01-31T15:30:00+00:00", "2026-01-31T15:30:00+00:00"),
        ("20260131153059.1234-0500", "2026-01-31T15:30:59.123400-05:00", "2026-01-31T15:30:59.123400-05:00"),
        ("20260231", None, None), ("0000", None, None), ("x", None, None), ("", None, None),
        ("20260131153059+9999", None, None), ("202601312530", None, None),
    ],
)  # fmt: skip
def test_times(text, as_date_time, as_instant):
    assert date_time(text, UTC) == as_date_time
    assert instant(text, UTC) == as_instant


def test_what_is_no_message_is_none():
    for value in (
        b"",
        b"{}",
        b"MSH",
        b"MSHAB",
        b"DiagnosticReport/MSH",
        b"\x00\x00\x00\x00\x01abc",
        b"MSH ",
    ):
        assert not is_message(value)


SEGMENTS = st.sampled_from(
    [obr(), obr("F2", "C"), obx("text"), obx("^AP^PDF^Base64^AAAA", kind="ED"), obx("5", kind="NM"),
     "ORC|RE|P1|F1", "PID|1||A^^^B^MR", "NTE|1||x", "SPM|1|a&b", txa(), "ZZZ|x", "ADD|more", "OBR", "OBX|||"]
)  # fmt: skip


@given(
    st.lists(SEGMENTS, max_size=8),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([b"|", b"^", b"\\", b"&", b"~", b"\r", b"", b"\xff"])), max_size=8),
    st.sampled_from([oru, mdm]),
)  # fmt: skip
def test_damaged_messages_give_reports_or_a_reason(segments, damage, build):
    value = build(*segments).encode()
    for position, byte in damage:
        at = position % len(value)
        value = value[:at] + byte + value[at + 1 :]
    events, refusal = (), ""
    try:
        events = read_events(value, SETTINGS)
    except UnreadableReport as error:
        refusal = str(error)
    assert "Carla" not in refusal
    assert all(event.resource["id"].startswith("hl7v2-") for event in events)


@given(st.binary(max_size=200))
def test_any_bytes_behind_msh_give_a_message_or_a_reason(tail):
    with contextlib.suppress(UnreadableReport):
        parse_message(b"MSH|^~\\&|" + tail)
