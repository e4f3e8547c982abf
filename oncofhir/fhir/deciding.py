"""What to do with a version of a report: a pure decision, from what the head knows.

An EHR may show one report as two resources. The one that was read last owns the document; what another one
tells is decided here too, by its type, its version and its words.
"""

from enum import StrEnum

from oncofhir.fhir.head import Head
from oncofhir.fhir.version import SourceVersion
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


def decide(
    head: Head | None,
    source: SourceReference,
    at: SourceVersion,
    run: str | None,
    content: str | None = None,
) -> Decision:
    """Compare an event with the head.

    `run` is the run that would be done, and `content` the identity of the attachment that it would read
    (`document_id`); both None when nothing would be read (a retraction, an unreadable version).
    """
    if head is None:
        return Decision.FIRST
    if source.unversioned != head.source.unversioned:
        return _of_another(head, source, at, content)
    if at.older_than(head.at):
        return Decision.STALE
    if run is not None and run == head.run:
        return Decision.SAME
    return Decision.NEWER


def _of_another(
    head: Head, source: SourceReference, at: SourceVersion, content: str | None
) -> Decision:
    """A resource that does not own the document.

    - Nothing to read, or a version that was seen before: an alias.
    - Words that the document has or had: an alias, too. But where the owner was retracted, one that stands
      takes the document over: a new id of the same type (the report was issued anew), or a later version of
      one that was known. A twin of the other type that is first seen then is taken for retracted as well;
      and what a recall withdrew, it withdrew whatever shows it.
    - New words: of the other type, it is the twin of a correction that is yet to come, or never comes, and
      takes the document over. Of the same type, the two were alike by chance, and part.
    """
    known = head.others.get(source.unversioned)
    if content is None or (known is not None and not known.at.older_than(at)):
        return Decision.ALIAS
    is_twin = source.type != head.source.type
    if content in {*head.contents, head.document, known.content if known else None}:
        stands_anew = _is_retracted_by_its_source(head) and (known is not None or not is_twin)
        changed = known is not None and known.content not in {None, content}
        news = stands_anew or (changed and content != head.shows)
        return Decision.NEWER if news else Decision.ALIAS
    return Decision.NEWER if is_twin else Decision.APART


def _is_retracted_by_its_source(head: Head) -> bool:
    is_retracted = head.outcome.status is OutcomeStatus.RETRACTED
    return is_retracted and head.outcome.reason != Reason.MODEL_RECALLED.value
