"""Slots: which finding of a document is which, also when a later version adds or drops a specimen part.

Source: design, "Identity and the head": the phenotype, with the receptor's name, the specimen part where a
report has several, an ordinal only to break a tie.
"""

from collections.abc import Mapping, Sequence

from oncofhir.schemas.finding import Finding

_PART = "/part-"
Known = Mapping[str, str | None]


def base_of(finding: Finding) -> str:
    """The slot without its part: the kind, and the receptor or stage component."""
    return f"{finding.kind.value}/{finding.slot}" if finding.slot else finding.kind.value


def named_slots(findings: Sequence[Finding], known: Known) -> dict[str, Finding]:
    """The findings by slot. `known` are the slots of earlier versions with the part of each."""
    without_part = {base_of(f) for f in findings if f.part is None}
    named: dict[str, Finding] = {}
    for finding in findings:
        base = base_of(finding)
        slot = slot_for(base, finding.part, known, named, has_partless=base in without_part)
        named[slot] = finding
    return named


def slot_for(
    base: str,
    part: str | None,
    known: Known,
    taken: Mapping[str, object],
    *,
    has_partless: bool = False,
) -> str:
    """The slot of one thing.

    What an earlier version had under a part keeps its slot. Otherwise the part is named only where
    another part has the plain slot, so that an addendum that adds a part leaves the first one alone.
    `has_partless` says that this version has the same thing without a part too.
    """
    plain = base
    parted = base if part is None else f"{base}{_PART}{part}"
    if parted != plain and parted in known and parted not in taken:
        return parted
    if plain not in taken and _may_have_plain(plain, part, known, has_partless=has_partless):
        return plain
    slot, ordinal = parted, 0
    while slot in taken:
        ordinal += 1
        slot = f"{parted}/{ordinal}"
    return slot


def _may_have_plain(plain: str, part: str | None, known: Known, *, has_partless: bool) -> bool:
    if part is None or plain not in known or known[plain] == part:
        return True
    return known[plain] is None and not has_partless
