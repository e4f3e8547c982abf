"""Write intents for servers without transactions. Pure.

They are stored in the head before the findings are written one by one, so that an interrupted write can be
completed or rolled back, and is not mistaken for a human's edit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.store.entries import reference_to
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, StoredResource, WriteIntent


def declare(before: Head, new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """Return the head as it was, with the intents to write `entries`. Earlier open intents stay.

    A new revision sets `write_in_progress`. A roll-back of an earlier revision leaves it as it is.
    """
    written = {reference_to(entry["resource"]) for entry in entries}
    declared = tuple(
        WriteIntent(slot=slot, revision=new.revision, resource=resource)
        for slot, resource in new.resources.items()
        if resource.reference in written
    )
    known = tuple(intent for intent in before.intents if intent not in declared)
    in_progress = before.write_in_progress or new.revision != before.revision
    update = {"intents": (*known, *declared), "write_in_progress": in_progress}
    return before.model_copy(update=update)


def resolve(head: Head, stored: Mapping[str, dict[str, Any]]) -> Head:
    """Return the head with the intended resources that are in the store.

    `stored` is what the store has of the head's resources and of the intended ones, by reference. A new
    finding with other content than intended was edited by a human after it was written: the head tracks the
    intended content, so that the edit is recognised. All intents stay open: their writer may still be alive
    and write once more.
    """
    resources = dict(head.resources)
    edited = dict(head.resources)
    for intent in head.intents:
        current = stored.get(intent.resource.reference)
        if current is not None and fingerprint(current) == intent.resource.fingerprint:
            resources[intent.slot] = intent.resource
        elif current is not None:
            edited.setdefault(intent.slot, intent.resource)
    return head.model_copy(update={"resources": edited | resources})


def still_open(new: Head) -> Head:
    """Return the new head without the intents that it fulfils, and without those of earlier revisions.

    Other writers that declared the same revision were overtaken, and may not know it yet: theirs stay.
    """
    remaining = tuple(
        intent
        for intent in new.intents
        if intent.revision >= new.revision and intent.resource != new.resources.get(intent.slot)
    )
    return new.model_copy(update={"intents": remaining})


def overwritten(head: Head, current: Head) -> dict[str, StoredResource]:
    """Return what a complete head tracks, by slot, and an overtaken writer has overwritten since."""
    return {
        slot: known
        for slot, known in head.resources.items()
        if current.resources[slot].fingerprint != known.fingerprint
    }
