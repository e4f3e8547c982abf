"""`oncofhir smoke-test`: sends one invented report through a running installation."""

import asyncio
from typing import Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line, note


def smoke_test(
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Time limit of the whole test.")
    ] = 300.0,
) -> None:
    """Publish an invented report to a running installation, wait for its findings, and retract it.

    It needs a running worker, write access to the input topic and read access to the output topics. It
    stores an invented patient (oncofhir-smoke-test) and the report, both with the security label HTEST, for
    findings refer to them. At the end report and findings are entered-in-error; patient, Task and Provenance
    stay. Prints one JSON object.

    Examples:
        oncofhir smoke-test
        oncofhir smoke-test --timeout 60

    Exit status: 0 Condition and Provenance were found; 1 they were not found in time; 2 wrong settings;
    3 a dependency is unreachable.
    """
    from oncofhir.consumers.composition.pipeline import build_fhir_client
    from oncofhir.consumers.smoke_test.run import SmokeTest, SmokeTestFailed
    from oncofhir.consumers.smoke_test.run import smoke_test as run_through
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError, WriteMode

    settings = settings_or_exit()
    fhir = settings.fhir
    if fhir.write is WriteMode.SHADOW:
        fail(
            "ONCOFHIR_FHIR__WRITE is shadow: nothing is stored, so that there is nothing to find",
            ExitStatus.WRONG_USAGE,
        )
    if fhir.source_base_url is not None or fhir.read_current:
        fail(
            "the worker reads reports from the source server, which does not have the invented report; "
            "a smoke test needs ONCOFHIR_FHIR__SOURCE_BASE_URL and ONCOFHIR_FHIR__READ_CURRENT unset",
            ExitStatus.WRONG_USAGE,
        )

    async def run() -> SmokeTest:
        store = build_fhir_client(fhir, fhir.base_url, fhir.credentials)
        try:
            return await run_through(
                settings.kafka,
                store,
                seconds=timeout,
                progress=note,
            )
        finally:
            await store.aclose()

    try:
        json_line(asyncio.run(run()))
    except SmokeTestFailed as error:
        fail(str(error), ExitStatus.WRONG_RESULT)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
