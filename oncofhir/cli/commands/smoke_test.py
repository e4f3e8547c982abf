"""`oncofhir smoke-test`: one invented report through a running installation."""

import asyncio
from typing import Annotated

import typer

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail, give_up
from oncofhir.cli.output import json_line


def smoke_test(
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait in all.")] = 300.0,
) -> None:
    """Publish an invented report, wait for its Condition and Provenance, and retract it.

    It needs a running worker, the right to write to the input topic and to read the output topics, and
    it writes an invented patient (oncofhir-smoke-test, labelled HTEST) to the store. What it found is
    marked entered-in-error afterwards; patient, Task and Provenance stay. Prints one JSON line. Exit
    status: 1 the report did not arrive, 2 wrong settings, 3 a dependency is unreachable.
    """
    from oncofhir.consumers.composition.pipeline import build_fhir_client
    from oncofhir.consumers.smoke_test import SmokeTest, SmokeTestFailed
    from oncofhir.consumers.smoke_test import smoke_test as run_through
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError, WriteMode

    settings = settings_or_exit()
    fhir = settings.fhir
    if fhir.write is WriteMode.SHADOW:
        fail("in shadow mode nothing is stored that could be seen", Exit.WRONG_USAGE)
    if fhir.source_base_url is not None or fhir.read_current:
        fail(
            "the worker reads reports from the source, which does not have the invented one; "
            "a smoke test needs ONCOFHIR_FHIR__SOURCE_BASE_URL and ONCOFHIR_FHIR__READ_CURRENT unset",
            Exit.WRONG_USAGE,
        )

    async def run() -> SmokeTest:
        store = build_fhir_client(fhir, fhir.base_url, fhir.credentials)
        try:
            return await run_through(
                settings.kafka,
                store,
                seconds=timeout,
                progress=lambda said: typer.echo(f"oncofhir: {said}", err=True),
            )
        finally:
            await store.aclose()

    try:
        json_line(asyncio.run(run()))
    except SmokeTestFailed as error:
        fail(str(error), Exit.WRONG_RESULT)
    except (OncofhirError, SettingsError) as error:
        give_up(error)
