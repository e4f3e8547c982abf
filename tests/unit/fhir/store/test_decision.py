"""What another resource of a document tells, row by row of ADR 0006."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.decision import AttachmentIdentity, Decision, decide
from oncofhir.fhir.store.head import AliasVersion, reservation
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.schemas.reasons import Reason

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
OWNER = SourceReference(type="DiagnosticReport", id="owner")
SAME_TYPE = SourceReference(type="DiagnosticReport", id="other")
TWIN = SourceReference(type="DocumentReference", id="twin")
ALIAS, UPDATE, SPLIT, STALE = Decision.ALIAS, Decision.UPDATE, Decision.SPLIT, Decision.STALE


def at(version, minutes=None):
    updated = None if minutes is None else NOON + timedelta(minutes=minutes)
    return SourceVersion(version=str(version), last_updated=updated)


def head(*, status=OutcomeStatus.FOUND, reason=None, **others):
    """It was read from the words "old", then "now", at noon."""
    first = reservation("document", OWNER, "key", "Patient/1", software="1", recorded=NOON)
    outcome = first.outcome.model_copy(update={"status": status, "reason": reason})
    known = {
        ref.unversioned: shown
        for ref, shown in ((TWIN, others.get("twin")), (SAME_TYPE, others.get("same")))
        if shown
    }
    update = {
        "version": at(3, 0),
        "text_hashes": ("old", "now"),
        "aliases": known,
        "outcome": outcome,
        "revision": 2,
    }
    return first.model_copy(update=update)


def shows(words, content="document"):
    return AttachmentIdentity(document=content, text_hash=words)


def seen(version, words="old"):
    return AliasVersion(version=at(version), text_hash=words)


@pytest.mark.parametrize(
    ("who", "version", "told", "known", "decision"),
    [
        (TWIN, at(1), None, {}, ALIAS),
        (TWIN, at(1), shows("now"), {"twin": seen(2)}, ALIAS),
        (TWIN, at(1), shows("now"), {}, ALIAS),
        (SAME_TYPE, at(1), shows("now"), {}, ALIAS),
        (TWIN, at(2), shows("old"), {"twin": seen(1)}, ALIAS),
        (TWIN, at(2), shows("old"), {"twin": seen(1, "now")}, UPDATE),
        (TWIN, at(2), shows("new"), {"twin": seen(1)}, UPDATE),
        (TWIN, at(2, -5), shows("new"), {"twin": seen(1)}, STALE),
        (TWIN, at(1, -5), shows("new"), {}, STALE),
        (TWIN, at(2, 5), shows("new"), {"twin": seen(1)}, UPDATE),
        (TWIN, at(1), shows("new"), {"twin": seen(1)}, UPDATE),
        (SAME_TYPE, at(2), shows("new", "other"), {"same": seen(1)}, SPLIT),
        (SAME_TYPE, at(2), shows("new"), {"same": seen(1)}, UPDATE),
        (SAME_TYPE, at(1), shows("new"), {}, UPDATE),
        (SAME_TYPE, at(1, -5), shows("new"), {}, STALE),
    ],
)
def test_while_the_owner_stands(who, version, told, known, decision):
    standing = head(**known).model_copy(update={"contents": ("document",)})
    assert decide(standing, who, version, "run", told) is decision


@pytest.mark.parametrize(
    ("who", "version", "known", "decision"),
    [
        (SAME_TYPE, at(1), {}, UPDATE),
        (SAME_TYPE, at(1), {"same": seen(1, "now")}, UPDATE),
        (SAME_TYPE, at(1), {"same": seen(2, "now")}, ALIAS),
        (TWIN, at(1), {}, ALIAS),
        (TWIN, at(1), {"twin": seen(1, "now")}, ALIAS),
        (TWIN, at(2), {"twin": seen(1, "now")}, UPDATE),
    ],
)
def test_when_the_owner_was_retracted(who, version, known, decision):
    gone = {"status": OutcomeStatus.RETRACTED, "reason": Reason.ENTERED_IN_ERROR.value}
    assert decide(head(**gone, **known), who, version, "run", shows("now")) is decision


@pytest.mark.parametrize("who", [SAME_TYPE, TWIN])
def test_what_a_recall_withdrew_is_revived_by_no_other(who):
    recalled = head(status=OutcomeStatus.RETRACTED, reason=Reason.MODEL_RECALLED.value)
    assert decide(recalled, who, at(9), "run", shows("now")) is ALIAS


def test_of_a_head_that_knows_no_words_all_others_are_aliases():
    before = head().model_copy(update={"text_hashes": ()})
    assert decide(before, TWIN, at(9), "run", shows("new")) is ALIAS


versions = st.builds(at, st.integers(1, 5), st.none() | st.integers(-5, 5))


@given(
    st.sampled_from([TWIN, SAME_TYPE]),
    versions,
    st.sampled_from(["new", "newer"]),
    st.sampled_from(["document", "other"]),
    st.none() | st.builds(seen, st.integers(1, 5), st.sampled_from(["old", "now", "new"])),
)
def test_words_that_the_document_never_had_are_no_alias(who, version, words, content, known):
    standing = head(**({"twin" if who is TWIN else "same": known} if known else {}))
    standing = standing.model_copy(update={"contents": ("document",)})
    assert decide(standing, who, version, "run", shows(words, content)) is not ALIAS
