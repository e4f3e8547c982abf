"""What a writer announces before it writes findings one by one, and what it leaves when cut off. Pure.

Without transactions a writer may end between two findings. What it was about to write stands in the head
first, so that whoever comes next tells its half-done work from a human's edit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Announced, Head
from oncofhir.fhir.transaction import reference_to


def announcement(before: Head, new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """The head as it was, saying what will be written; earlier announcements that are open stay.

    It is `writing` when a new revision will be; what only settles an old one leaves that complete.
    """
    written = _written(entries)
    announced = tuple(
        Announced(slot=slot, resource=resource)
        for slot, resource in new.resources.items()
        if resource.reference in written
    )
    known = tuple(open_ for open_ in before.announced if open_ not in announced)
    writing = before.writing or new.revision != before.revision
    return before.model_copy(update={"announced": (*known, *announced), "writing": writing})


def settled(head: Head, stored: Mapping[str, dict[str, Any]]) -> Head:
    """The head with what was announced and is in the store; what is not there stays announced.

    `stored` is what the store has of the head's resources and of the announced ones, by reference. A new
    finding that is there with other content was edited by a human after it was announced and written:
    the head answers for it with what was announced, so that the edit is seen as one.
    """
    resources = dict(head.resources)
    edited = dict(head.resources)
    open_: list[Announced] = []
    for announced in head.announced:
        current = stored.get(announced.resource.reference)
        if current is not None and fingerprint(current) == announced.resource.fingerprint:
            resources[announced.slot] = announced.resource
            continue
        open_.append(announced)
        if current is not None:
            edited.setdefault(announced.slot, announced.resource)
    return head.model_copy(update={"resources": edited | resources, "announced": tuple(open_)})


def without_written(new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """The new head without the announcements that its own entries overwrite."""
    written = _written(entries)
    left = tuple(a for a in new.announced if a.resource.reference not in written)
    return new.model_copy(update={"announced": left})


def _written(entries: Iterable[dict[str, Any]]) -> set[str]:
    return {reference_to(entry["resource"]) for entry in entries}
