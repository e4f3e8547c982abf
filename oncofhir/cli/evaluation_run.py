"""What `oncofhir evaluate` does once its options are read: puts the rooms together and measures."""

from collections.abc import Sequence
from typing import Any

from oncofhir import __version__
from oncofhir.cli.output import plain
from oncofhir.consumers.composition import pipeline as composition
from oncofhir.evaluation.calibration import fitting
from oncofhir.evaluation.case_run import case_result
from oncofhir.evaluation.cases import CaseFile
from oncofhir.evaluation.dataset import Dataset, LabelledReport
from oncofhir.evaluation.perturbation.perturb import Perturbation, Perturbed, perturb
from oncofhir.evaluation.perturbation.robustness import as_reports, robustness
from oncofhir.evaluation.run import Measurement, run
from oncofhir.evaluation.scoring.compare import Result, compare
from oncofhir.evaluation.scoring.result import result
from oncofhir.inference.rules import Rules
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.report import Report
from oncofhir.settings import FhirCredentials, ModelSettings, Settings, StagingSystem
from oncofhir.terminology import TERMINOLOGY_VERSION


class Plan(Value):
    """What is measured in addition to the model on the reports as they are."""

    seed: int = 1
    fit: bool = False
    perturb: Perturbation | None = None
    rate: float = 0.1
    baseline: bool = False


async def evaluated(
    dataset: Dataset, model: ModelSettings | None, settings: Settings, plan: Plan
) -> tuple[dict[str, Any], str | None]:
    """The result, and the calibration file's content when one is to be fitted; `model` None is rules.

    Raises:
        DatasetError: there are too few findings to fit a calibration on.
        DependencyUnavailable, AccessDenied: the model does not answer.
        SettingsError: a setting names something that does not exist.
    """
    changed = perturb(dataset.reports, plan.perturb, plan.rate, plan.seed) if plan.perturb else None
    scores, measured = await _of_one(dataset, model, settings, plan, changed)
    if plan.baseline:
        baseline, _ = await _of_one(dataset, None, settings, plan, changed)
        first, second = (Result.model_validate(plain(one)) for one in (baseline, scores))
        scores["baseline"] = baseline
        scores["over_baseline"] = compare(first, second, plan.seed)["differences"]
    if not plan.fit:
        return scores, None
    fitted = fitting.fit(measured, dataset.sha256, plan.seed)
    scores["fitted_calibration"] = fitting.worth(measured, fitted)
    return scores, fitted.model_dump_json(indent=1)


async def evaluated_cases(
    file: CaseFile, model: ModelSettings | None, settings: Settings
) -> dict[str, Any]:
    """The result of cases; `model` None is rules.

    Raises:
        DependencyUnavailable, AccessDenied: the model does not answer.
        SettingsError: a setting names something that does not exist.
    """
    answers = composition.build_answerer(model) if model else Rules()
    extractor = composition.build_extractor(settings.model, answers)
    try:
        return await case_result(file, extractor)
    finally:
        await extractor.aclose()


async def _of_one(
    dataset: Dataset,
    model: ModelSettings | None,
    settings: Settings,
    plan: Plan,
    changed: Sequence[Perturbed] | None,
) -> tuple[dict[str, Any], Measurement]:
    measured = await _measured(dataset.reports, model, settings)
    calibration = composition.load_configured_calibration(settings.model)
    scores = result(measured, dataset.sha256, plan.seed, calibration)
    if changed is not None and plan.perturb is not None:
        after = await _measured(as_reports(dataset.reports, changed), model, settings)
        scores["robustness"] = robustness(
            measured, after, changed, plan.perturb, plan.rate, plan.seed
        )
    return scores, measured


async def _measured(
    reports: Sequence[LabelledReport], model: ModelSettings | None, settings: Settings
) -> Measurement:
    answers = composition.build_answerer(model) if model else Rules()
    extractor = composition.build_extractor(settings.model, answers)
    store = composition.build_fhir_client(settings.fhir, settings.fhir.base_url, FhirCredentials())
    repository = composition.build_repository(_with_codes(settings), store)
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
        return await run(reports, extractor, build)
    finally:
        await extractor.aclose()
        await store.aclose()


def _with_codes(settings: Settings) -> Settings:
    """The settings, by AJCC's staging system: a label of a stage is judged by AJCC's codes."""
    fhir = settings.fhir
    if fhir.staging_system not in {None, StagingSystem.UICC}:
        return settings
    by_ajcc = fhir.model_copy(update={"staging_system": StagingSystem.AJCC_8})
    return settings.model_copy(update={"fhir": by_ajcc})
