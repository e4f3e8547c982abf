"""What the resources of a run have in common: source, patient, labels, references, time."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid5

from oncofhir.fhir.codes import AI_ASSERTED, AI_CONFIDENCE, DERIVATION
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.output_options import DEFAULT, OutputOptions
from oncofhir.fhir.mapping.report_origin import ReportOrigin, origin_of
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Basis, Evidence, Finding
from oncofhir.schemas.identity import NAMESPACE, Run, finding_id, sha256_of
from oncofhir.schemas.report import Report
from oncofhir.settings import ConfidenceOutput

_TO_THE_DAY = 10
# The part of a dateTime behind the day (http://hl7.org/fhir/R4/datatypes.html#dateTime).
_TIME = re.compile(
    r"T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))", re.ASCII
)


class Unprofiled(StrEnum):
    """Why a resource does not claim the mCODE profile of its kind. Written to `meta.tag`."""

    NO_CODE = "value-without-code"
    NO_CONDITION = "no-condition-to-refer-to"
    NO_MALIGNANCY = "no-malignancy-named"
    NO_SYSTEM = "staging-system-not-named"
    NO_TEST = "test-without-code"


_UNPROFILED = {
    Unprofiled.NO_CODE: "The value has no code of the value set that the mCODE profile requires",
    Unprofiled.NO_CONDITION: "The report gives no diagnosis that the stage group could refer to",
    Unprofiled.NO_MALIGNANCY: "The diagnosis names no malignancy",
    Unprofiled.NO_SYSTEM: "Neither the report nor the settings name the staging system that has the codes",
    Unprofiled.NO_TEST: "The tumor marker has no code in mCODE's value set",
}


def count_unprofiled(
    resources: Iterable[dict[str, Any]], systems: IdentifierSystems
) -> dict[str, int]:
    """Count the resources that do not claim the mCODE profile of their kind, by the reason in their tags."""
    tags = [tag for resource in resources for tag in resource["meta"].get("tag", ())]
    counts = Counter(tag["code"] for tag in tags if tag.get("system") == systems.unprofiled)
    return dict(sorted(counts.items()))


class RunContext(Value):
    """One run over one report, as the builders of its resources need it."""

    document: str
    report: Report
    run: Run
    systems: IdentifierSystems
    source_name: str
    organization: str
    recorded: datetime
    sources: SourceReferences = SAME
    model_card: str | None = None
    options: OutputOptions = DEFAULT

    @property
    def subject(self) -> dict[str, Any]:
        """The patient, as a Reference."""
        return self.sources.reference_element(self.report.subject)

    @property
    def source(self) -> dict[str, Any]:
        """The report, without its version."""
        return self.sources.reference_element(self.run.source)

    @property
    def model_device(self) -> str:
        return f"Device/{model_device_id(self.run)}"

    @property
    def software_device(self) -> str:
        return f"Device/{software_device_id(self.run.software_version)}"

    @property
    def prompt_document(self) -> str:
        return f"DocumentReference/{prompt_document_id(self.run)}"

    @property
    def model_card_document(self) -> str | None:
        return (
            f"DocumentReference/{model_card_id(self.run, self.model_card)}"
            if self.model_card
            else None
        )

    @property
    def effective(self) -> str | None:
        """The clinically relevant time: the report's effective time, else its issue (us-core-1: to the day).

        Of a time that R4 does not allow, such as one without a zone, the day is kept if it is valid.
        """
        stated = self.report.effective or self.report.issued or ""
        day, rest = stated[:_TO_THE_DAY], stated[_TO_THE_DAY:]
        if not _is_day(day) or rest[:1] not in {"", "T", " "}:
            return None
        return stated if not rest or _TIME.fullmatch(rest) else day

    @property
    def report_origin(self) -> ReportOrigin:
        return origin_of(self.report)

    def meta(self, profile: str | None, unprofiled: Unprofiled | None = None) -> dict[str, Any]:
        """Build `meta`: profile, AI label, the source's labels, and why no mCODE profile is claimed."""
        labels = [label.model_dump(exclude_none=True) for label in self.report.security]
        security = [AI_ASSERTED, *(label for label in labels if label and label != AI_ASSERTED)]
        meta: dict[str, Any] = {"profile": [profile]} if profile else {}
        meta["security"] = security
        if unprofiled:
            system, display = self.systems.unprofiled, _UNPROFILED[unprofiled]
            meta["tag"] = [{"system": system, "code": unprofiled.value, "display": display}]
        return meta

    def identifier(self, slot: str) -> dict[str, str]:
        return {"system": self.systems.finding, "value": finding_id(self.document, slot)}

    def reference(self, type: str, slot: str) -> dict[str, str]:  # noqa: A002
        return {"reference": f"{type}/{finding_id(self.document, slot)}"}

    def derivations(self, finding: Finding) -> list[dict[str, Any]]:
        """Build the extensions that name the quoted passages (extension pack, derivation-reference).

        The confidence follows (AI Transparency IG, AIconfidence), as the output options say. A decimal is the
        probability that the finding is correct, and so only a calibrated confidence is one. A token
        probability is written as text that says what it is.
        """
        extensions = [self._derivation(evidence) for evidence in finding.evidence]
        return [*extensions, *self._confidence(finding)]

    def _confidence(self, finding: Finding) -> list[dict[str, Any]]:
        wanted = self.options.confidence
        if finding.confidence is None or wanted is ConfidenceOutput.NEVER:
            return []
        if finding.calibrated:
            return [{"url": AI_CONFIDENCE, "valueDecimal": round(finding.confidence, 4)}]
        if wanted is ConfidenceOutput.CALIBRATED:
            return []
        text = f"token probability {finding.confidence:.4f}, not calibrated"
        return [{"url": AI_CONFIDENCE, "valueString": text}]

    def _derivation(self, evidence: Evidence) -> dict[str, Any]:
        return {
            "url": DERIVATION,
            "extension": [
                {"url": "reference", "valueReference": self.source},
                {"url": "path", "valueString": evidence.path},
                {"url": "offset", "valueInteger": evidence.attachment_start},
                {"url": "length", "valueInteger": evidence.end - evidence.start},
            ],
        }

    def notes(self, finding: Finding) -> list[dict[str, str]]:
        """Build the notes: the quoted words; for an inferred diagnosis, that the report does not state it."""
        notes = [{"text": f"The report says: “{evidence.text}”"} for evidence in finding.evidence]
        if finding.basis is Basis.INFERRED:
            text = (
                "Inferred by the model: the report does not state this diagnosis in its own words."
            )
            notes.insert(0, {"text": text})
        return notes


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def model_device_id(run: Run) -> str:
    """Return the id of the model's Device: one per name and weights digest (AI Transparency, use case 3)."""
    return str(uuid5(NAMESPACE, f"model|{run.model.name}|{run.model.digest}"))


def software_device_id(version: str) -> str:
    return str(uuid5(NAMESPACE, f"software|{version}"))


def prompt_document_id(run: Run) -> str:
    return str(uuid5(NAMESPACE, f"prompt-set|{run.prompt_set.sha256}"))


def model_card_id(run: Run, text: str) -> str:
    """Return the id of the model card: one per model name, weights digest and text."""
    key = f"{run.model.name}|{run.model.digest}|{sha256_of(text)}"
    return str(uuid5(NAMESPACE, f"model-card|{key}"))
