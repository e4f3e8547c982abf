"""What a writer announces before it writes findings one by one, and what it leaves when cut off. Pure.

Without transactions a writer may end between two findings. What it was about to write stands in the head
first, so that whoever comes next tells its half-done work from a human's edit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Announced, Head
from oncofhir.fhir.names import renamed
from oncofhir.fhir.transaction import reference_to


def announcement(before: Head, new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """The head as it was, saying what will be written; earlier announcements that are open stay."""
    written = _written(entries)
    announced = tuple(
        Announced(slot=slot, resource=resource)
        for slot, resource in new.resources.items()
        if resource.reference in written
    )
    known = tuple(open_ for open_ in before.announced if open_ not in announced)
    return before.model_copy(update={"announced": (*known, *announced), "writing": True})


def settled(head: Head, stored: Mapping[str, dict[str, Any]]) -> Head:
    """The head with what was announced and is in the store; what is not there stays announced.

    `stored` is what the store has of the head's resources and of the announced ones, by the references that
    these say; a server may have given it another name. A new finding that is there with other content was
    edited by a human after it was announced and written: the head answers for it with what was announced,
    so that the edit is seen as one.
    """
    resources = dict(head.resources)
    edited = dict(head.resources)
    open_: list[Announced] = []
    names = {reference_to(there): asked for asked, there in stored.items()}
    planned = {called: asked for called, asked in names.items() if called != asked}
    for announced in head.announced:
        current = stored.get(announced.resource.reference)
        if current is None:
            open_.append(announced)
            continue
        named = announced.resource.model_copy(update={"reference": reference_to(current)})
        if fingerprint(renamed(current, planned)) == named.fingerprint:
            mark = fingerprint(current)
            resources[announced.slot] = named.model_copy(update={"fingerprint": mark})
        else:
            open_.append(announced)
            edited.setdefault(announced.slot, named)
    return head.model_copy(update={"resources": edited | resources, "announced": tuple(open_)})


def without_written(new: Head, entries: Iterable[dict[str, Any]]) -> Head:
    """The new head without the announcements that its own entries overwrite."""
    written = _written(entries)
    left = tuple(a for a in new.announced if a.resource.reference not in written)
    return new.model_copy(update={"announced": left})


def _written(entries: Iterable[dict[str, Any]]) -> set[str]:
    return {reference_to(entry["resource"]) for entry in entries}
