"""Decides what to do with a version of a report, from what the head knows. Pure: no clock, no I/O.

An EHR may show one report as two resources. The one that was read last owns the document. What a version of
another one means is decided here too, by its type, its version and its text (ADR 0006).
"""

from enum import StrEnum

from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.head import AliasVersion, Head
from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.schemas.reasons import Reason


class Decision(StrEnum):
    """What to do with a version of a report."""

    NEW = "new"
    """The document has no head yet: read it."""
    UNCHANGED = "unchanged"
    """The head names this run: publish its rows again."""
    UPDATE = "update"
    """Read this version and update the document."""
    STALE = "stale"
    """A newer version was processed: ignore this one."""
    ALIAS = "alias"
    """The resource shows a document that another resource owns: record it."""
    SPLIT = "split"
    """The resource was an alias, and shows a document of its own from now on."""


class AttachmentIdentity(Value):
    """What the attachment of a version is.

    `document` is the document identity that it gives (`schemas.identity.document_id`), `text_hash` the hash
    of its text.
    """

    document: str
    text_hash: str


def decide(
    head: Head | None,
    source: SourceReference,
    version: SourceVersion,
    run: str | None,
    attachment: AttachmentIdentity | None = None,
) -> Decision:
    """Compare a version of a report with the head.

    `run` is the id of the run that would read it, and `attachment` what would be read. Both are None when
    nothing would be read, as in a retraction or a version that cannot be read.
    """
    if head is None:
        return Decision.NEW
    if source.unversioned != head.source.unversioned:
        return _decide_other_resource(head, source, version, attachment)
    if version.older_than(head.version):
        return Decision.STALE
    if run is not None and run == head.run:
        return Decision.UNCHANGED
    return Decision.UPDATE


def _decide_other_resource(
    head: Head,
    source: SourceReference,
    version: SourceVersion,
    attachment: AttachmentIdentity | None,
) -> Decision:
    """Decide for a resource that does not own the document.

    - Nothing to read, or the document's current text: an alias. An older version than a known one is an
      alias too if the document has its text, else it is stale.
    - An earlier text of the document: an alias that is late, unless the resource returns from the current
      text to it.
    - A new text: see `_decide_new_text`. After a retraction of the owner: see `_decide_after_retraction`.
    """
    known = head.aliases.get(source.unversioned)
    if attachment is None or not head.text_hashes:
        return Decision.ALIAS
    is_known_text = attachment.text_hash in head.text_hashes
    if known is not None and version.older_than(known.version):
        return Decision.ALIAS if is_known_text else Decision.STALE
    is_twin = source.type != head.source.type
    if _is_retracted_by_its_source(head):
        return _decide_after_retraction(head, version, known, attachment, is_twin=is_twin)
    if is_known_text:
        had_current = known is not None and known.text_hash == head.current_text_hash
        goes_back = had_current and attachment.text_hash != head.current_text_hash
        return Decision.UPDATE if goes_back else Decision.ALIAS
    return _decide_new_text(head, version, known, attachment, is_twin=is_twin)


def _decide_new_text(
    head: Head,
    version: SourceVersion,
    known: AliasVersion | None,
    attachment: AttachmentIdentity,
    *,
    is_twin: bool,
) -> Decision:
    """Decide for a text that the document never had: it is never an alias.

    An older update than the owner's is stale. A twin (the resource of the other type) shows a correction that
    the owner has not shown yet, or never will: it takes the document over. So does a resource of the same
    type with one and the same attachment. Otherwise the two had the same text by chance, and split.
    """
    if (is_twin or known is None) and _is_before(version, head.version):
        return Decision.STALE
    if is_twin or known is None:  # one that is not known was found by its attachment
        return Decision.UPDATE
    return Decision.UPDATE if attachment.document in head.contents else Decision.SPLIT


def _decide_after_retraction(
    head: Head,
    version: SourceVersion,
    known: AliasVersion | None,
    attachment: AttachmentIdentity,
    *,
    is_twin: bool,
) -> Decision:
    """Decide for another resource of a document whose owner was retracted.

    A resource of the same type takes the document over: the report was issued again. The twin counts as
    retracted together with the owner, except for a later version of it.
    """
    if attachment.text_hash not in head.text_hashes and known is not None:
        return _decide_new_text(head, version, known, attachment, is_twin=is_twin)
    is_later = known is not None and known.version.older_than(version)
    return Decision.UPDATE if is_later or not is_twin else Decision.ALIAS


def _is_before(version: SourceVersion, other: SourceVersion) -> bool:
    """Compare by the time of the update: version numbers of two resources are not comparable."""
    return bool(
        version.last_updated and other.last_updated and version.last_updated < other.last_updated
    )


def _is_retracted_by_its_source(head: Head) -> bool:
    """Whether the source retracted the report. A recall of the model withdraws whatever shows it."""
    is_retracted = head.outcome.status is OutcomeStatus.RETRACTED
    return is_retracted and head.outcome.reason != Reason.MODEL_RECALLED.value
