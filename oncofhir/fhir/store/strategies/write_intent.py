"""What a writer announces before it writes findings one by one, and what it leaves when cut off. Pure.

Without transactions a writer may end between two findings. What it was about to write stands in the head
first, so that whoever comes next tells its half-done work from a human's edit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Announced, Head, StoredResource
from oncofhir.fhir.store.strategies.transaction import reference_to


def announcement(before: Head, new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """The head as it was, saying what will be written; earlier announcements that are open stay.

    It is `writing` when a new revision will be; what only settles an old one leaves that complete.
    """
    written = _written(entries)
    announced = tuple(
        Announced(slot=slot, revision=new.revision, resource=resource)
        for slot, resource in new.resources.items()
        if resource.reference in written
    )
    known = tuple(open_ for open_ in before.announced if open_ not in announced)
    writing = before.writing or new.revision != before.revision
    return before.model_copy(update={"announced": (*known, *announced), "writing": writing})


def settled(head: Head, stored: Mapping[str, dict[str, Any]]) -> Head:
    """The head with what was announced and is in the store.

    `stored` is what the store has of the head's resources and of the announced ones, by reference. A new
    finding that is there with other content was edited by a human after it was announced and written:
    the head answers for it with what was announced, so that the edit is seen as one. All stays
    announced: its writer may still be alive and write it once more.
    """
    resources = dict(head.resources)
    edited = dict(head.resources)
    for announced in head.announced:
        current = stored.get(announced.resource.reference)
        if current is not None and fingerprint(current) == announced.resource.fingerprint:
            resources[announced.slot] = announced.resource
        elif current is not None:
            edited.setdefault(announced.slot, announced.resource)
    return head.model_copy(update={"resources": edited | resources})


def still_open(new: Head) -> Head:
    """The new head without the announcements that it closes, and without those for earlier revisions.

    Others that announced the same revision were overtaken, and may not know it yet.
    """
    left = tuple(
        announced
        for announced in new.announced
        if announced.revision >= new.revision
        and announced.resource != new.resources.get(announced.slot)
    )
    return new.model_copy(update={"announced": left})


def overwritten(head: Head, current: Head) -> dict[str, StoredResource]:
    """What a complete head answers for, by slot, and one that was overtaken wrote over since."""
    return {
        slot: known
        for slot, known in head.resources.items()
        if current.resources[slot].fingerprint != known.fingerprint
    }


def _written(entries: Iterable[dict[str, Any]]) -> set[str]:
    return {reference_to(entry["resource"]) for entry in entries}
