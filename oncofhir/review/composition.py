"""Dependency wiring of the review: builds the store, the watcher and their parts from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oncofhir import __version__
from oncofhir.consumers.composition import pipeline as composition
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.source_references import SourceReferences
from oncofhir.fhir.store.access import utc_now
from oncofhir.review.documents import Documents
from oncofhir.review.publishing import ReviewPublisher
from oncofhir.review.reports.source import ReportTexts
from oncofhir.review.service import FhirReviewStore
from oncofhir.review.verdicts.decide import Decisions
from oncofhir.review.watch.edited import EditedDocuments
from oncofhir.review.watch.watch_metrics import WatchMetrics
from oncofhir.review.watch.watcher import Watcher
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import Settings


@dataclass(frozen=True)
class Review:
    """What `oncofhir review` serves and follows."""

    store: FhirReviewStore
    watcher: Watcher
    index: FindingIndex
    metrics: WatchMetrics


@asynccontextmanager
async def open_review(settings: Settings, tracer: Tracer = NO_TRACING) -> AsyncIterator[Review]:
    """Build the review store and its watcher, and close them in the end. `tracer` records their requests.

    Raises:
        SettingsError: credentials cannot be used, or the index file cannot.
    """
    fhir = settings.fhir
    store = composition.build_fhir_client(fhir, fhir.base_url, fhir.credentials, tracer)
    source = store
    if fhir.source_base_url and fhir.source_base_url != fhir.base_url:
        source = composition.build_fhir_client(
            fhir, fhir.source_base_url, fhir.source_credentials, tracer
        )
    pool = composition.build_parsing_pool(settings)
    identity = f"{fhir.base_url}|{fhir.source_name}|{fhir.identifier_system}"
    index = FindingIndex(settings.worklist.index_file, identity)
    publisher = ReviewPublisher(settings.kafka, index)
    documents = Documents(
        store,
        composition.build_repository(settings, store),
        index,
        IdentifierSystems(prefix=fhir.identifier_system),
        site=fhir.source_name,
        low_confidence=settings.worklist.low_confidence,
    )
    intake = settings.intake
    texts = ReportTexts(
        source,
        SourceReader(
            source,
            allowed_origins=intake.allowed_origins,
            max_attachment_bytes=intake.max_attachment_bytes,
            fetch_seconds=intake.fetch_timeout_seconds,
        ),
        IntakeLimits(
            max_attachment_bytes=intake.max_attachment_bytes,
            max_text_characters=intake.max_text_characters,
        ),
        pool.parse,
    )
    decisions = Decisions(
        documents,
        texts,
        publisher,
        organization=fhir.organization,
        software=__version__,
        clock=utc_now,
        sources=SourceReferences(
            form=fhir.references, base_url=fhir.source_base_url or fhir.base_url
        ),
    )
    edited = EditedDocuments(documents, publisher, decisions.lock, utc_now)
    metrics = WatchMetrics(index)
    watcher = Watcher(documents, edited, utc_now, metrics, tracer)
    try:
        yield Review(FhirReviewStore(documents, texts, decisions), watcher, index, metrics)
    finally:
        await publisher.aclose()
        await pool.aclose()
        if source is not store:
            await source.aclose()
        await store.aclose()
        index.close()
