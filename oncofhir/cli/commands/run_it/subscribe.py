"""`oncofhir subscribe`: makes a FHIR server notify the bridge."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, note, wants_tables

if TYPE_CHECKING:
    from oncofhir.ingest.subscriptions.subscribe import SubscriptionResult
    from oncofhir.settings import Settings

_CRITERIA = {"oncofhir-reports": "DiagnosticReport?", "oncofhir-documents": "DocumentReference?"}


def subscribe(
    check: Annotated[
        bool, typer.Option("--check", help="Only check the Subscriptions; change nothing.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the Subscriptions.")] = False,
    criteria: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SEARCH",
            help="What a Subscription is about, as a FHIR search. Default: all DiagnosticReports for "
            "oncofhir-reports, all DocumentReferences for oncofhir-documents. Repeatable.",
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="SubscriptionTopic of the server: create a topic-based Subscription (R4 backport).",
        ),
    ] = None,
    payload: Annotated[
        bool,
        typer.Option(
            "--payload/--no-payload",
            help="Whether notifications carry the report. Without it the bridge or the worker reads it "
            "from the server.",
        ),
    ] = True,
    wait_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Time to wait for the activation.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Create the Subscriptions by which a FHIR server notifies the bridge, and wait until they are active.

    One Subscription per name in ONCOFHIR_BRIDGE__SUBSCRIPTIONS, at the server of the reports
    (ONCOFHIR_FHIR__SOURCE_BASE_URL, or BASE_URL). Its endpoint is ONCOFHIR_BRIDGE__URL/subscriptions/NAME,
    and its header holds the shared secret. What is there is updated only where it differs, so that the
    command can be repeated. Prints one JSON object per Subscription, or a table on a terminal. What to do
    where a server does not support Subscriptions goes to stderr.

    Examples:
        export ONCOFHIR_BRIDGE__URL=https://bridge.hospital.example
        export ONCOFHIR_BRIDGE__SECRET_FILE=bridge-secret.txt
        oncofhir subscribe
        oncofhir subscribe --criteria 'oncofhir-reports=DiagnosticReport?category=PAT'
        oncofhir subscribe --check

    Exit status: 0 all are as wanted; 1 one is missing, different or not active, or the server does not
    support it; 2 wrong usage or settings; 3 the server is unreachable or denies access.
    """
    from oncofhir.ingest.composition import source_client
    from oncofhir.ingest.subscriptions.subscribe import Subscriber, Unsupported
    from oncofhir.schemas.errors import OncofhirError, RequestRejected
    from oncofhir.settings import SettingsError

    if check and delete:
        fail("--check and --delete exclude each other: choose one", ExitStatus.WRONG_USAGE)
    settings = settings_or_exit()

    async def run() -> "list[SubscriptionResult]":
        client = source_client(settings.fhir)
        try:
            subscriber = Subscriber(client, wait_seconds)
            await subscriber.check_support()
            act = subscriber.check if check else subscriber.delete if delete else subscriber.ensure
            return [await act(name, resource) for name, resource in wanted.items()]
        finally:
            await client.aclose()

    try:
        wanted = _wanted(settings, criteria or [], topic, payload=payload)
        results = asyncio.run(run())
    except Unsupported as error:
        _fail_unsupported(str(error), settings)
    except RequestRejected as error:
        _fail_unsupported(f"the server rejects the Subscription: {error.detail}", settings)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    _print(results, as_json=as_json)
    _hint(results, settings)
    if not delete and not all(result.is_active for result in results):
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _wanted(
    settings: "Settings", criteria: Sequence[str], topic: str | None, *, payload: bool
) -> dict[str, dict[str, Any]]:
    """Return the wanted Subscription of each name."""
    from oncofhir.ingest.subscriptions.wanted import wanted_subscription
    from oncofhir.settings import read_secret

    bridge = settings.bridge
    if bridge.url is None:
        fail("set ONCOFHIR_BRIDGE__URL to the URL of the bridge", ExitStatus.WRONG_USAGE)
    given = {**_CRITERIA, **dict(_pair(text) for text in criteria)}
    references = bridge.subscription_references
    unknown = sorted(set(dict(_pair(text) for text in criteria)) - set(references))
    if unknown:
        fail(
            f"--criteria names {unknown[0]}, which is not in ONCOFHIR_BRIDGE__SUBSCRIPTIONS",
            ExitStatus.WRONG_USAGE,
        )
    secret = (read_secret(bridge.secret_file) or "").split()
    is_bearer = bridge.secret_header.lower() == "authorization"
    header = (
        f"{bridge.secret_header}: {'Bearer ' if is_bearer else ''}{secret[0]}" if secret else None
    )
    found = {}
    for name, reference in references.items():
        if name not in given:
            example = f"--criteria '{name}=DiagnosticReport?category=PAT'"
            fail(f"what is {name} about? Give {example}", ExitStatus.WRONG_USAGE)
        found[name] = wanted_subscription(
            reference.partition("/")[2],
            criteria=given[name],
            endpoint=f"{bridge.url}/subscriptions/{name}",
            header=header,
            topic=topic,
            payload=payload,
        )
    return found


def _pair(text: str) -> tuple[str, str]:
    name, separator, search = text.partition("=")
    if not separator or search.partition("?")[0] not in {"DiagnosticReport", "DocumentReference"}:
        raise typer.BadParameter(
            "NAME=SEARCH is needed, for example oncofhir-reports=DiagnosticReport?category=PAT",
            param_hint="--criteria",
        )
    return name, search if "?" in search else f"{search}?"


def _print(results: "Sequence[SubscriptionResult]", *, as_json: bool) -> None:
    if not wants_tables(as_json):
        for result in results:
            json_line(asdict(result))
        return
    from rich.table import Table

    table = Table("name", "Subscription", "action", "status", "differs in")
    for result in results:
        table.add_row(
            result.name,
            result.reference or "",
            result.action,
            result.status or "",
            ", ".join(result.differences),
        )
    console().print(table)


def _hint(results: "Sequence[SubscriptionResult]", settings: "Settings") -> None:
    """Say on stderr what is still to do."""
    references = settings.bridge.subscription_references
    assigned = [r for r in results if r.reference and r.reference != references[r.name]]
    if assigned:
        both = {**references, **{r.name: str(r.reference) for r in assigned}}
        value = " ".join(f"{name}={reference}" for name, reference in both.items())
        note(
            "the server assigned the ids; set for the bridge: "
            f"ONCOFHIR_BRIDGE__SUBSCRIPTIONS='{value}'"
        )
    for result in results:
        if result.status == "error":
            note(
                f"{result.name}: the server could not notify the bridge: see Subscription.error at "
                "the server, and whether the endpoint is reachable from there; then run this command again"
            )
        elif result.status == "requested":
            note(
                f"{result.name}: the server has not activated it: its administrator may have to "
                "approve it"
            )


def _fail_unsupported(why: str, settings: "Settings") -> None:
    url = (
        f"{settings.bridge.url}/subscriptions/{next(iter(settings.bridge.subscription_references))}"
    )
    fail(
        f"{why}. What to do:\n"
        "- If the EHR can call a URL when a report changes, let it PUT the resource to "
        f"{url}/DiagnosticReport/ID, or POST it to {url}, with the secret in the header "
        f"{settings.bridge.secret_header}.\n"
        "- If it sends HL7 v2: oncofhir bridge --mllp.\n"
        "- If it can only be searched, or export: oncofhir backfill, again and again.",
        ExitStatus.WRONG_RESULT,
    )
