"""`oncofhir evaluate`: how good the model is on labelled reports."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail, status_of
from oncofhir.cli.model_option import EMBEDDED, check_model, chosen_model
from oncofhir.cli.output import json_line, wants_tables
from oncofhir.settings import ModelApi, Settings, SettingsError

_Named = tuple[str, ModelApi | None, str | None]
"""The options that choose a model: --model, --model-api, --prompt-set."""


class Damage(StrEnum):
    """What `--perturb` does; meaning: `evaluation.perturbation.perturb`."""

    MISSPELL = "misspell"
    CASE = "case"
    OCR = "ocr"
    COUNTERFACTUAL = "counterfactual"
    NEGATE = "negate"
    SHUFFLE = "shuffle"
    HOSTILE = "hostile"


class Baseline(StrEnum):
    """What a model is measured beside."""

    RULES = "rules"


def evaluate(
    dataset: Annotated[
        Path | None,
        typer.Argument(help="Labelled reports or cases, one JSON object a line (docs/reference)."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="embedded|rules|URL|FOLDER",
            help="The small model that comes with oncofhir, transparent rules, a model server, "
            "or a checkpoint to run in process.",
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
    perturb: Annotated[
        Damage | None,
        typer.Option(help="Score again after a change to the reports, and the loss in points."),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Share of words, sentences, values or reports.", min=0, max=1)
    ] = 0.1,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Measure the rules beside the model.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of intervals, halves and changes.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON also on a terminal.")] = False,
) -> None:
    """Run the pipeline over labelled reports and print one JSON object: scores, cost, counts by report.

    A file of cases (what must and must not be found) is scored by its own totals.

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
    from oncofhir.evaluation.cases import is_case_file

    check_model(model)
    settings = settings_or_exit()
    if fit_calibration is not None:  # what is fitted are confidences as the server gives them
        raw = settings.model.model_copy(update={"calibration_file": None})
        settings = settings.model_copy(update={"model": raw})
    named = (model, model_api, prompt_set)
    if not is_case_file(dataset):
        _labelled(
            dataset,
            named,
            settings,
            as_json,
            _Extra(seed, fit_calibration, perturb, rate, baseline),
        )
    elif perturb or baseline or fit_calibration:
        fail(
            f"{dataset} holds cases: --perturb, --baseline and --fit-calibration need labelled "
            "reports (docs/reference/evaluate.md)",
            Exit.WRONG_USAGE,
        )
    else:
        _cases(dataset, named, settings, as_json)


class _Extra(NamedTuple):
    """What is measured of labelled reports beside their scores."""

    seed: int
    fit_calibration: Path | None
    perturb: Damage | None
    rate: float
    baseline: Baseline | None


def _labelled(file: Path, named: _Named, settings: Settings, as_json: bool, extra: _Extra) -> None:
    from oncofhir.cli.evaluation_run import Plan, evaluated
    from oncofhir.evaluation.dataset import DatasetError, read_dataset
    from oncofhir.evaluation.perturbation.perturb import Perturbation
    from oncofhir.schemas.errors import OncofhirError

    plan = Plan(
        seed=extra.seed,
        fit=extra.fit_calibration is not None,
        perturb=Perturbation(extra.perturb) if extra.perturb else None,
        rate=extra.rate,
        baseline=extra.baseline is not None,
    )
    try:
        labelled = read_dataset(file)
        with chosen_model(*named, settings.model) as chosen:
            said, fitted = asyncio.run(evaluated(labelled, chosen, settings, plan))
    except (DatasetError, SettingsError) as error:
        fail(str(error), Exit.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {named[0]})", Exit(status_of(error)))
    _write(extra.fit_calibration, fitted)
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_tables

        print_tables(said)
    else:
        json_line(said)


def _cases(file: Path, named: _Named, settings: Settings, as_json: bool) -> None:
    from oncofhir.cli.evaluation_run import evaluated_cases
    from oncofhir.evaluation.cases import read_cases
    from oncofhir.evaluation.dataset import DatasetError
    from oncofhir.schemas.errors import OncofhirError

    try:
        cases = read_cases(file)
        with chosen_model(*named, settings.model) as chosen:
            said = asyncio.run(evaluated_cases(cases, chosen, settings))
    except (DatasetError, SettingsError) as error:
        fail(str(error), Exit.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {named[0]})", Exit(status_of(error)))
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_case_tables

        print_case_tables(said)
    else:
        json_line(said)


def _write(file: Path | None, content: str | None) -> None:
    if file is None or content is None:
        return
    try:
        file.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}", Exit.WRONG_USAGE)


def _compare(first: Path, second: Path, seed: int, as_json: bool) -> None:
    from oncofhir.evaluation.dataset import DatasetError
    from oncofhir.evaluation.scoring.compare import compare, read_result

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
