"""Slots: the identity of a finding within its document, stable when a version adds or drops specimen parts.

Source: design, "Identity and the head": the phenotype, with the receptor's name, the specimen part where a
report has several, and an ordinal only to break a tie.
"""

from collections.abc import Mapping, Sequence

from oncofhir.schemas.finding import Finding

_PART = "/part-"
KnownParts = Mapping[str, str | None]
"""The specimen part of each slot of the document's earlier versions."""


def base_slot(finding: Finding) -> str:
    """Return the slot without its part: the kind, and the receptor or stage component."""
    return f"{finding.kind.value}/{finding.slot}" if finding.slot else finding.kind.value


def assign_slots(findings: Sequence[Finding], known: KnownParts) -> dict[str, Finding]:
    """Return the findings by slot."""
    partless = {base_slot(finding) for finding in findings if finding.part is None}
    assigned: dict[str, Finding] = {}
    for finding in findings:
        base = base_slot(finding)
        slot = choose_slot(base, finding.part, known, assigned, has_partless=base in partless)
        assigned[slot] = finding
    return assigned


def choose_slot(
    base: str,
    part: str | None,
    known: KnownParts,
    taken: Mapping[str, object],
    *,
    has_partless: bool = False,
) -> str:
    """Choose the slot of one finding of a specimen part.

    A slot with the part of an earlier version is kept. Otherwise the slot names the part only if another part
    has the plain slot, so that an addendum that adds a part leaves the first one alone. `has_partless` says
    that this version has the same phenotype without a part too.
    """
    plain = base
    with_part = base if part is None else f"{base}{_PART}{part}"
    if with_part != plain and with_part in known and with_part not in taken:
        return with_part
    if plain not in taken and _may_be_plain(plain, part, known, has_partless=has_partless):
        return plain
    slot, ordinal = with_part, 0
    while slot in taken:
        ordinal += 1
        slot = f"{with_part}/{ordinal}"
    return slot


def _may_be_plain(plain: str, part: str | None, known: KnownParts, *, has_partless: bool) -> bool:
    if part is None or plain not in known or known[plain] == part:
        return True
    return known[plain] is None and not has_partless
