"""Triage of a report by its text: whether it is of oncology, and in a language that the model reads."""

from oncofhir.fhir.intake.text.language import other_language
from oncofhir.fhir.intake.triage import Process, Skip, TriagePolicy
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report, ReportWarning


def triage_text(report: Report, policy: TriagePolicy, verdict: Process) -> Skip | None:
    """Skip a report if nothing points to oncology, or if its language is not read.

    Its type or category (`verdict`) points to oncology, or a word of its text. Text that is not what the
    pages show says nothing of either, so such a report is not skipped.
    """
    is_garbled = ReportWarning.GARBLED_TEXT in report.warnings
    is_oncology = (
        is_garbled or verdict.is_oncology or policy.trigger.search(report.text) is not None
    )
    if policy.require_cancer and not is_oncology:
        return Skip(Reason.NOT_ONCOLOGY)
    return triage_language(report, policy)


def triage_language(report: Report, policy: TriagePolicy) -> Skip | None:
    """Skip a report that is certainly in a language that the policy does not list."""
    is_garbled = ReportWarning.GARBLED_TEXT in report.warnings
    if is_garbled or not policy.languages or other_language(report.text, policy.languages) is None:
        return None
    return Skip(Reason.LANGUAGE_NOT_READ)
