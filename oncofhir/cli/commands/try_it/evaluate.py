"""`oncofhir evaluate`: measures a model on labelled reports."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail, status_of
from oncofhir.cli.model_option import EMBEDDED, check_model, chosen_model
from oncofhir.cli.options import AsJson, Model, ModelApi, ModelApiChoice, PromptSet
from oncofhir.cli.output import json_line, wants_tables

if TYPE_CHECKING:
    from oncofhir.settings import Settings

_Named = tuple[str, ModelApiChoice | None, str | None]
"""The options that choose a model: --model, --model-api, --prompt-set."""


class Damage(StrEnum):
    """The changes of `--perturb`; meaning: `evaluation.perturbation.perturb`."""

    MISSPELL = "misspell"
    CASE = "case"
    OCR = "ocr"
    COUNTERFACTUAL = "counterfactual"
    NEGATE = "negate"
    SHUFFLE = "shuffle"
    HOSTILE = "hostile"


class Baseline(StrEnum):
    """The baselines of `--baseline`."""

    RULES = "rules"


def evaluate(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATASET",
            help="Labelled reports or cases, one JSON object per line (docs/reference/evaluate.md).",
        ),
    ] = None,
    model: Model = EMBEDDED,
    model_api: ModelApi = None,
    prompt_set: PromptSet = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A B", help="Test whether two results (JSON files) of one dataset differ."
        ),
    ] = None,
    fit_calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fit a calibration on half of the reports, write it to FILE and measure it on the other "
            "half.",
        ),
    ] = None,
    perturb: Annotated[
        Damage | None,
        typer.Option(
            metavar="KIND",
            help="Also score perturbed reports, and print the loss in points: misspell, case, ocr, "
            "counterfactual, negate, shuffle or hostile.",
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(metavar="RATE", help="Fraction of units to perturb.", min=0, max=1)
    ] = 0.1,
    baseline: Annotated[
        Baseline | None, typer.Option(metavar="rules", help="Also measure the rules, and compare.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="Seed of bootstrap, split and perturbation.", min=0),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled reports: one JSON object with scores, cost and counts per report.

    A file of cases (what must and must not be found) is scored by its own totals.

    The result contains no text, value or identifier of a report. It needs the extra "evaluate".

    Examples:
        oncofhir evaluate labelled.jsonl
        oncofhir evaluate labelled.jsonl --model http://tgi:8080 > new.json
        oncofhir evaluate --compare old.json new.json

    Exit status: 0 measured; 2 wrong usage or dataset; 3 the model is unreachable.
    """
    _need_the_extra()
    if (dataset is None) == (compare is None):
        fail("a DATASET is needed, or --compare A B", ExitStatus.WRONG_USAGE)
    if dataset is None:
        if compare is not None:
            _compare(*compare, seed, as_json)
        return
    from oncofhir.evaluation.cases import is_case_file

    check_model(model)
    settings = settings_or_exit()
    if fit_calibration is not None:  # a calibration is fitted on uncalibrated confidences
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
            ExitStatus.WRONG_USAGE,
        )
    else:
        _cases(dataset, named, settings, as_json)


class _Extra(NamedTuple):
    """What is measured on labelled reports in addition to their scores."""

    seed: int
    fit_calibration: Path | None
    perturb: Damage | None
    rate: float
    baseline: Baseline | None


def _labelled(
    file: Path, named: _Named, settings: "Settings", as_json: bool, extra: _Extra
) -> None:
    from oncofhir.cli.evaluation_run import Plan, evaluated
    from oncofhir.evaluation.dataset import DatasetError, read_dataset
    from oncofhir.evaluation.perturbation.perturb import Perturbation
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

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
            scores, fitted = asyncio.run(evaluated(labelled, chosen, settings, plan))
    except (DatasetError, SettingsError) as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {named[0]})", status_of(error))
    _write(extra.fit_calibration, fitted)
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_tables

        print_tables(scores)
    else:
        json_line(scores)


def _cases(file: Path, named: _Named, settings: "Settings", as_json: bool) -> None:
    from oncofhir.cli.evaluation_run import evaluated_cases
    from oncofhir.evaluation.cases import read_cases
    from oncofhir.evaluation.dataset import DatasetError
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    try:
        cases = read_cases(file)
        with chosen_model(*named, settings.model) as chosen:
            scores = asyncio.run(evaluated_cases(cases, chosen, settings))
    except (DatasetError, SettingsError) as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {named[0]})", status_of(error))
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_case_tables

        print_case_tables(scores)
    else:
        json_line(scores)


def _write(file: Path | None, content: str | None) -> None:
    if file is None or content is None:
        return
    try:
        file.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}", ExitStatus.WRONG_USAGE)


def _compare(first: Path, second: Path, seed: int, as_json: bool) -> None:
    from oncofhir.evaluation.dataset import DatasetError
    from oncofhir.evaluation.scoring.compare import compare, read_result

    try:
        scores = compare(read_result(first), read_result(second), seed)
    except DatasetError as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    if wants_tables(as_json):
        from oncofhir.cli.evaluation_tables import print_differences

        print_differences(scores)
    else:
        json_line(scores)


def _need_the_extra() -> None:
    from importlib.util import find_spec

    missing = [
        name for name in ("numpy", "rouge_score", "sacrebleu", "sklearn") if not find_spec(name)
    ]
    if missing:
        from oncofhir.settings.extras import install_hint

        fail(f"{missing[0]} is not installed. {install_hint('evaluate')}", ExitStatus.WRONG_USAGE)
