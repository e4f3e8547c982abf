"""`oncofhir evaluate`: how good the model is on labelled reports."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from oncofhir.cli.config import settings_or_exit
from oncofhir.cli.exits import Exit, fail, status_of
from oncofhir.cli.models import EMBEDDED, check_model, chosen_model
from oncofhir.cli.printing import json_line, wants_tables
from oncofhir.settings import ModelApi, ModelSettings, Settings, SettingsError


def evaluate(
    dataset: Annotated[
        Path | None,
        typer.Argument(help="Labelled reports, one JSON object a line (docs/reference)."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="embedded|rules|URL",
            help="The small model that comes with oncofhir, transparent rules, or a model server.",
        ),
    ] = EMBEDDED,
    model_api: Annotated[
        ModelApi | None,
        typer.Option(help="Which API the server at URL speaks; default: the settings'."),
    ] = None,
    prompt_set: Annotated[
        str | None, typer.Option(help="Default: the embedded model's own; for a URL the settings'.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A.json B.json", help="Test whether two results of one dataset differ."
        ),
    ] = None,
    fit_calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a calibration, fitted on half of the reports, and its worth.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of intervals and of the halves.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON also on a terminal.")] = False,
) -> None:
    """Run the pipeline over labelled reports and print one JSON object: scores, cost, counts by report.

    The result holds no text, value or identifier of a report.

    Exit status: 0, 2 wrong usage or dataset, 3 the model is unreachable.
    """
    _need_the_extra()
    if (dataset is None) == (compare is None):
        fail("give a DATASET, or --compare A.json B.json", Exit.WRONG_USAGE)
    if dataset is None:
        if compare is not None:
            _compare(*compare, seed, as_json)
        return
    from oncofhir.evaluation.dataset import Dataset, DatasetError, read_dataset
    from oncofhir.schemas.errors import OncofhirError

    check_model(model)
    settings = settings_or_exit()
    if fit_calibration is not None:  # what is fitted are confidences as the server gives them
        raw = settings.model.model_copy(update={"calibration_file": None})
        settings = settings.model_copy(update={"model": raw})
    try:
        labelled: Dataset = read_dataset(dataset)
    except DatasetError as error:
        fail(str(error), Exit.WRONG_USAGE)
    try:
        with chosen_model(model, model_api, prompt_set, settings.model) as chosen:
            said, fitted = asyncio.run(
                _evaluated(labelled, chosen, settings, seed, fit=fit_calibration is not None)
            )
    except (DatasetError, SettingsError) as error:
        fail(str(error), Exit.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {model})", Exit(status_of(error)))
    if fit_calibration is not None and fitted is not None:
        fit_calibration.write_text(fitted + "\n", encoding="utf-8")
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_tables

        print_tables(said)
    else:
        json_line(said)


def _compare(first: Path, second: Path, seed: int, as_json: bool) -> None:
    from oncofhir.evaluation.compare import compare, read_result
    from oncofhir.evaluation.dataset import DatasetError

    try:
        said = compare(read_result(first), read_result(second), seed)
    except DatasetError as error:
        fail(str(error), Exit.WRONG_USAGE)
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_differences

        print_differences(said)
    else:
        json_line(said)


def _need_the_extra() -> None:
    from importlib.util import find_spec

    missing = [
        name for name in ("numpy", "rouge_score", "sacrebleu", "sklearn") if not find_spec(name)
    ]
    if missing:
        fail(f"{missing[0]} is missing: pip install 'oncofhir[evaluate]'", Exit.WRONG_USAGE)


async def _evaluated(
    dataset: Any,
    model: ModelSettings | None,
    settings: Settings,
    seed: int,
    *,
    fit: bool,
) -> tuple[dict[str, Any], str | None]:
    """The result, and the calibration file's content when one is to be fitted."""
    from oncofhir import __version__
    from oncofhir.consumers import composition
    from oncofhir.evaluation import fitting
    from oncofhir.evaluation.result import result
    from oncofhir.evaluation.run import run
    from oncofhir.inference.rules import Rules
    from oncofhir.schemas.extraction import Extraction
    from oncofhir.schemas.identity import run_of
    from oncofhir.schemas.report import Report
    from oncofhir.terminology import TERMINOLOGY_VERSION

    answers = composition.answerer(model) if model else Rules()
    extractor = composition.extractor(settings.model, answers)
    store = composition.fhir_client(settings, settings.fhir.base_url, None)
    repository = composition.repository(settings, store)
    output_settings = composition.output_settings_sha256(settings)

    def build(report: Report, extraction: Extraction) -> dict[str, Any]:
        identity = run_of(
            report,
            extraction.model,
            extraction.prompt_set,
            output_settings,
            TERMINOLOGY_VERSION,
            __version__,
        )
        return repository.first_version(report, identity, extraction)[0]

    try:
        measured = await run(dataset.reports, extractor, build)
    finally:
        await extractor.aclose()
        await store.aclose()
    said = result(measured, dataset.sha256, seed, composition.calibration(settings.model))
    if not fit:
        return said, None
    fitted = fitting.fit(measured, dataset.sha256, seed)
    said["fitted_calibration"] = fitting.worth(measured, fitted)
    return said, fitted.model_dump_json(indent=1)
