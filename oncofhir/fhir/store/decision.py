"""What to do with a version of a report: a pure decision, from what the head knows.

An EHR may show one report as two resources. The one that was read last owns the document; what another one
tells is decided here too, by its type, its version and its words.
"""

from enum import StrEnum

from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.head import Head, Shown
from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.schemas.reasons import Reason


class Decision(StrEnum):
    """What to do with a version of a report."""

    FIRST = "first"
    SAME = "same"
    NEWER = "newer"
    STALE = "stale"
    ALIAS = "alias"
    APART = "apart"  # it was an alias, and is a document of its own from now on


class Attachment(Value):
    """What a version shows: the identity that it gives a document (`document_id`), a hash of its words."""

    content: str
    words: str


def decide(
    head: Head | None,
    source: SourceReference,
    at: SourceVersion,
    run: str | None,
    shows: Attachment | None = None,
) -> Decision:
    """Compare an event with the head.

    `run` is the run that would be done, and `shows` what it would read; both None when nothing would be
    read (a retraction, an unreadable version).
    """
    if head is None:
        return Decision.FIRST
    if source.unversioned != head.source.unversioned:
        return _of_another(head, source, at, shows)
    if at.older_than(head.at):
        return Decision.STALE
    if run is not None and run == head.run:
        return Decision.SAME
    return Decision.NEWER


def _of_another(
    head: Head, source: SourceReference, at: SourceVersion, shows: Attachment | None
) -> Decision:
    """A resource that does not own the document.

    - Nothing to read, an older version than one that was seen, or words that the document has: an alias.
    - Words that it had: an alias that is late, unless the resource goes back from what the document has.
    - New words: of the other type, it is the twin of a correction that is yet to come, or never comes, and
      takes the document over, but for one that is late. Of the same type, the two were alike by chance, and
      part; with one and the same attachment they are one.
    - Where the owner was retracted, see `_after_retraction`.
    """
    known = head.others.get(source.unversioned)
    if shows is None or not head.words or (known is not None and at.older_than(known.at)):
        return Decision.ALIAS
    is_twin = source.type != head.source.type
    if _is_retracted_by_its_source(head):
        return _after_retraction(head, at, known, shows, is_twin=is_twin)
    if shows.words in head.words:
        goes_back = known is not None and known.words == head.shows != shows.words
        return Decision.NEWER if goes_back else Decision.ALIAS
    return _of_new_words(head, at, known, shows, is_twin=is_twin)


def _of_new_words(
    head: Head, at: SourceVersion, known: Shown | None, shows: Attachment, *, is_twin: bool
) -> Decision:
    if is_twin:
        return Decision.ALIAS if _is_before(at, head.at) else Decision.NEWER
    if known is None:  # one attachment, and the document is known by it
        return Decision.ALIAS
    return Decision.NEWER if shows.content in head.contents else Decision.APART


def _after_retraction(
    head: Head, at: SourceVersion, known: Shown | None, shows: Attachment, *, is_twin: bool
) -> Decision:
    """One of the same type that stands takes the document over: the report was issued anew.

    The twin of the other type is taken for retracted with the owner, but for a later version of it. What a
    recall withdrew, it withdrew whatever shows it: that is no retraction by the source.
    """
    if shows.words not in head.words and known is not None:
        return _of_new_words(head, at, known, shows, is_twin=is_twin)
    is_later = known is not None and known.at.older_than(at)
    return Decision.NEWER if is_later or not is_twin else Decision.ALIAS


def _is_before(at: SourceVersion, other: SourceVersion) -> bool:
    """By the time of the update: numbers of versions are each resource's own."""
    return bool(at.last_updated and other.last_updated and at.last_updated < other.last_updated)


def _is_retracted_by_its_source(head: Head) -> bool:
    is_retracted = head.outcome.status is OutcomeStatus.RETRACTED
    return is_retracted and head.outcome.reason != Reason.MODEL_RECALLED.value
