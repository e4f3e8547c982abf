"""Answers: codes by mode and wish, sender and receiver swapped, ERR with table 0357, nothing of the content."""

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.ingest.mllp.acknowledgement import Header, Problem, Verdict, acknowledgement
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.hl7v2_messages import oru

ACCEPTED, AGAIN, REFUSED = Verdict.ACCEPTED, Verdict.TRY_AGAIN, Verdict.REFUSED
PROBLEM = Problem(Reason.MISSING_STATUS, "OBR[2]-25")


def answer(message, verdict=ACCEPTED, problem=None):
    content = message if isinstance(message, bytes) else message.encode()
    raw = acknowledgement(Header.of(content), verdict, problem)
    return None if raw is None else hl7.parse(raw.decode("latin-1"))


def test_sender_and_receiver_are_swapped_and_the_control_id_is_echoed():
    ack = answer(oru(control_id="A-7"))
    msh = ack.segment("MSH")
    assert [str(msh[n]) for n in (3, 4, 5, 6)] == ["ONCOFHIR", "HOSP", "LAB^1.2.3.4^ISO", "HOSP"]
    assert [str(msh[n]) for n in (9, 11, 12, 18)] == ["ACK^R01^ACK", "P", "2.5.1", "UNICODE UTF-8"]
    assert [str(ack.segment("MSA")[n]) for n in (1, 2)] == ["AA", "A-7"]
    assert str(msh[10])


@pytest.mark.parametrize(
    ("msh_15", "msh_16", "accepted", "again", "refused"),
    [
        ("", "", "AA", "AE", "AR"), ("AL", "NE", "CA", "CE", "CR"), ("AL", "AL", "CA", "CE", "CR"),
        ("AL", "", "CA", "CE", "CR"), ("NE", "AL", "AA", "AE", "AR"), ("", "AL", "AA", "AE", "AR"),
        ("ER", "NE", None, "CE", "CR"), ("SU", "NE", "CA", None, None), ("NE", "NE", None, None, None),
        ("ER", "AL", "AA", "CE", "CR"),
    ],
)  # fmt: skip
def test_the_code_is_that_of_the_mode(msh_15, msh_16, accepted, again, refused):
    message = oru(f15=msh_15, f16=msh_16)
    found = [
        answer(message, verdict, None if verdict is ACCEPTED else PROBLEM)
        for verdict in (ACCEPTED, AGAIN, REFUSED)
    ]
    codes = [None if ack is None else str(ack.segment("MSA")[1]) for ack in found]
    assert codes == [accepted, again, refused]


def test_the_error_names_field_and_code():
    err = answer(oru(), REFUSED, PROBLEM).segment("ERR")
    assert str(err[2]) == "OBR^2^25"
    assert str(err[3]) == "101^Required field missing^HL70357"
    assert (str(err[4]), str(err[8])) == ("E", "missing-status")


def test_before_2_5_the_reason_is_in_msa_3_alone():
    ack = answer(oru(f12="2.3.1"), REFUSED, PROBLEM)
    assert [str(segment[0]) for segment in ack] == ["MSH", "MSA"]
    assert str(ack.segment("MSA")[3]) == "missing-status OBR[2]-25"


def test_the_senders_delimiters_are_used():
    ack = answer(oru().translate(str.maketrans("|^~\\&", "$%*?@")), REFUSED, PROBLEM)
    assert str(ack.segment("MSH")[2]) == "%*?@"
    assert str(ack.segment("ERR")[3]) == "101%Required field missing%HL70357"


def test_an_address_of_ours_is_not_told():
    error = DependencyUnavailable(Reason.BROKER_UNREACHABLE, "kafka.internal:9092", "why")
    raw = acknowledgement(Header.of(oru().encode()), AGAIN, Problem.of(error))
    assert b"kafka.internal" not in raw
    assert b"207^Application internal error^HL70357" in raw


@pytest.mark.parametrize(
    "content", [b"", b"MSH", b"x" * 10, b"MSH|AB|C", b"\xff\xfe\x00", b"MSH|^~\\&"]
)
def test_what_has_no_header_is_answered_too(content):
    ack = answer(content, REFUSED, Problem.of(UnreadableReport(Reason.INVALID_HL7V2, "MSH-2")))
    assert str(ack.segment("MSA")[1]) == "AR"


@given(st.binary(max_size=300), st.sampled_from(list(Verdict)))
def test_any_content_is_answered_in_one_frame(content, verdict):
    content = content.replace(b"\x0b", b"").replace(b"\x1c", b"")
    raw = acknowledgement(Header.of(b"MSH|^~\\&|" + content), verdict, PROBLEM)
    if raw is not None:
        assert raw.count(b"\rMSA|") == 1
        assert b"\x1c" not in raw
        assert b"\x0b" not in raw


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_message_in_wide_characters_is_answered_with_its_control_id(encoding):
    message = oru(control_id="W1", charset="UNICODE UTF-16").encode(encoding)
    answer = acknowledgement(Header.of(message), ACCEPTED).decode("ascii")
    assert "MSA|AA|W1" in answer
    assert "UNICODE" not in answer
