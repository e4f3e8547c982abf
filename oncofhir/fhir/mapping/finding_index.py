"""Finds the findings that belong together: those of one lesion, else of one specimen part. Pure."""

from collections.abc import Mapping

from oncofhir.schemas.finding import Finding, Kind

Found = tuple[str, Finding]
"""A finding with its slot."""


class FindingIndex:
    """The findings of one report, by slot. Nothing is lent from one lesion to another."""

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self._findings = findings
        lesions = {finding.lesion for finding in findings.values()} - {None}
        self._has_one_lesion = len(lesions) == 1

    def find(
        self, kind: Kind, lesion: str | None, part: str | None, component: str | None = None
    ) -> Found | None:
        """Return the finding of a kind (and receptor or stage component) that belongs to a lesion or part.

        One of the lesion itself comes first; then one of the same part, or of no part; then the only one of
        the report, unless it belongs to another lesion.
        """
        of_kind = [
            (slot, finding)
            for slot, finding in self._findings.items()
            if finding.kind is kind and finding.slot == component
        ]
        if lesion is not None:
            own = [found for found in of_kind if found[1].lesion == lesion]
            if own:
                return min(own, key=lambda found: found[1].part != part)
        shared = [found for found in of_kind if self._may_share(found[1], lesion, part)]
        own = [found for found in shared if found[1].part == part]
        partless = [found for found in shared if found[1].part is None]
        if own or partless:
            return (own or partless)[0]
        return shared[0] if shared and (part is None or len(of_kind) == 1) else None

    def _may_share(self, finding: Finding, lesion: str | None, part: str | None) -> bool:
        """Whether a finding that need not be of the lesion may belong to it.

        Without a lesion on either side the part decides. A finding without a lesion belongs to the report's
        only lesion, or to the lesion of its specimen part.
        """
        if finding.lesion is None and lesion is None:
            return True
        if finding.lesion is not None and lesion is not None:
            return False
        return self._has_one_lesion or (part is not None and finding.part == part)
