"""Builds the sources of a backfill that are servers, from the settings of the FHIR source."""

from collections.abc import Sequence

from oncofhir.consumers.composition.fhir_server import build_authorization, tls
from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.auth.bearer import Anonymous
from oncofhir.fhir.rest.reader import FhirReader
from oncofhir.fhir.rest.transport import Transport
from oncofhir.ingest.backfill.bulk_export.downloads import ExportDownloads
from oncofhir.ingest.backfill.bulk_export.jobs import ExportJobs, ExportRequest
from oncofhir.ingest.backfill.bulk_export.source import Export
from oncofhir.ingest.backfill.patience import Patience
from oncofhir.ingest.backfill.search import Query, Search
from oncofhir.settings import FhirCredentials, FhirSettings, Settings, SettingsError


def source_server(settings: FhirSettings) -> tuple[str, FhirCredentials]:
    """Return the address of the server that reports are read from, and the credentials for it."""
    if settings.source_base_url and settings.source_base_url != settings.base_url:
        return settings.source_base_url, settings.source_credentials
    return settings.base_url, settings.credentials


def build_reader(settings: FhirSettings) -> FhirReader:
    """Build a client of the server that reports are read from.

    Raises:
        SettingsError: the credentials cannot be used.
    """
    base_url, credentials = source_server(settings)
    return FhirReader(
        base_url,
        authorization=build_authorization(base_url, credentials, settings.timeout_seconds),
        tls=tls(credentials),
        timeout=settings.timeout_seconds,
        max_connections=settings.max_connections,
    )


def build_search(
    settings: FhirSettings, queries: Sequence[Query], *, page_size: int, patience: float
) -> Search:
    """Build a search as a source. Raises what `build_reader` raises."""
    return Search(build_reader(settings), queries, page_size=page_size, patience=Patience(patience))


def build_export(
    settings: Settings,
    request: ExportRequest,
    *,
    file_origins: Sequence[str],
    page_size: int,
    patience: float,
) -> Export:
    """Build an export as a source. `file_origins` may get the credentials, too.

    Raises:
        SettingsError: the credentials cannot be used, or an origin is no https address.
    """
    base_url, credentials = source_server(settings.fhir)
    authorization = build_authorization(base_url, credentials, settings.fhir.timeout_seconds)
    own = Transport(
        base_url,
        authorization=authorization,
        tls=tls(credentials),
        timeout=settings.fhir.timeout_seconds,
    )
    trusted = [own]
    for each in file_origins:
        origin = server_origin(each)
        if origin is None or not origin.startswith("https://"):
            raise SettingsError(f"--file-origin {each}: an address https://host is needed")
        trusted.append(
            Transport(
                origin,
                authorization=authorization,
                tls=tls(credentials),
                timeout=settings.fhir.timeout_seconds,
            )
        )
    anonymous = Transport(
        base_url,
        authorization=Anonymous(),
        tls=tls(credentials),
        timeout=settings.fhir.timeout_seconds,
    )
    waiting = Patience(patience)  # shared: a server that exports has been reached
    return Export(
        ExportJobs(own, waiting),
        ExportDownloads(trusted, anonymous, waiting),
        request,
        base_url,
        page_size=page_size,
        max_line_bytes=settings.kafka.max_request_bytes + 1,
    )
