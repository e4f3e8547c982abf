"""Counts the reports on a server by type and status without reading them, for a dry run."""

from collections.abc import Sequence

from oncofhir.fhir.rest.reader import FhirReader
from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.search import Query

# http://hl7.org/fhir/R4/valueset-diagnostic-report-status.html and valueset-document-reference-status.html
_STATUSES = {
    "DiagnosticReport": (
        *("registered", "partial", "preliminary", "final", "amended", "corrected", "appended"),
        *("cancelled", "entered-in-error", "unknown"),
    ),
    "DocumentReference": ("current", "superseded", "entered-in-error"),
}
_STATUS, _OTHER = "status", "other"


async def count_on_server(reader: FhirReader, queries: Sequence[Query]) -> Counts:
    """Return the number of matches by type and status, as if all of them were published.

    Raises:
        OncofhirError: the server refuses the search or is unavailable.
    """
    published: dict[str, dict[str, int]] = {}
    for query in queries:
        by_status = published.setdefault(query.type, {})
        total = await reader.count(query.type, query.merged())
        named = {
            status: await reader.count(query.type, query.merged(status=[status]))
            for status in (_STATUSES[query.type] if total else ())
        }
        if min(named.values(), default=0) >= total:  # the server ignores the status
            named = {}
        named[_OTHER] = max(0, total - sum(named.values()))  # reports may be added meanwhile
        for status, found in named.items():
            if found:
                by_status[status] = by_status.get(status, 0) + found
    read = sum(sum(by_status.values()) for by_status in published.values())
    return Counts(read=read, published=published)
