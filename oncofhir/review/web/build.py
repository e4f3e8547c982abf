"""Builds the application from the settings."""

from starlette.types import ASGIApp

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.access import utc_now
from oncofhir.review.access.checks import refuse_open_single_user_mode, session_key
from oncofhir.review.access.logins import Logins
from oncofhir.review.access.recorded_views import RecordedViews
from oncofhir.review.access.sessions import Sessions
from oncofhir.review.access.users import local_user
from oncofhir.review.store import ReviewStore
from oncofhir.review.web.app import create_app
from oncofhir.review.web.page import Page
from oncofhir.review.web.rendering import new_environment
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import ReviewSettings
from oncofhir.telemetry.registry import Metrics


def build_app(
    settings: ReviewSettings,
    store: ReviewStore,
    client: FhirClient,
    metrics: Metrics,
    tracer: Tracer = NO_TRACING,
) -> ASGIApp:
    """Build the page on `store`; `client` is the FHIR server that records views.

    Raises:
        SettingsError: reports would be shown to anybody, or a secret cannot be read.
    """
    refuse_open_single_user_mode(settings)
    key = session_key(settings)
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    page = Page(
        store=store,
        settings=settings,
        sessions=Sessions(key, settings),
        logins=Logins(settings, f"{address}/callback") if settings.requires_login else None,
        templates=new_environment(),
        audit=RecordedViews(client, address, utc_now).record,
        metrics=metrics,
        tracer=tracer,
        local=None if settings.requires_login else local_user(settings),
    )
    return create_app(page, key)
