"""The remedy of a dead letter: that of its reason, and what a record needs that no dead letter can hold."""

from datetime import UTC, datetime

from oncofhir.cli.commands.recover.dead_letter_filter import explain
from oncofhir.consumers.dead_letters.store import DeadLetter
from oncofhir.schemas.reasons import Reason


def letter(**more):
    known = {"partition": 0, "offset": 1, "topic": "t", "source_partition": 0, "source_offset": 2}
    made = {"time": datetime.now(UTC), "reason": "attachment-too-large", "stage": "process"}
    return DeadLetter(**known, **(made | {"attempts": 1, "size": 29_360_128} | more))


def test_a_letter_that_holds_its_record_has_the_remedy_of_its_reason():
    assert explain(letter()) == {
        "meaning": Reason.ATTACHMENT_TOO_LARGE.meaning,
        "remedy": Reason.ATTACHMENT_TOO_LARGE.remedy,
    }


def test_a_letter_that_only_refers_to_its_record_says_what_its_replay_needs():
    remedy = explain(letter(is_reference=True))["remedy"]
    assert remedy.startswith(Reason.ATTACHMENT_TOO_LARGE.remedy)
    command = "ONCOFHIR_KAFKA__MAX_REQUEST_BYTES=29360128 oncofhir dead-letters replay --letter 0:1"
    assert remedy.endswith(f"while its topic still holds it, run: {command}")


def test_a_code_of_another_version_is_not_explained():
    assert explain(letter(reason="from-the-future")) == {}
