"""Identities: what makes two documents, two findings or two runs the same.

Source: design, "Identity and the head".
"""

import hashlib
import json
from uuid import UUID, uuid5

from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import ModelIdentity, PromptSetIdentity
from oncofhir.schemas.report import Report

NAMESPACE = UUID("6f6e636f-6668-4972-8000-000000000001")


def resource_key(source_name: str, source: SourceReference) -> str:
    """The key under which a source resource, whatever its version, is looked up in the heads."""
    return str(uuid5(NAMESPACE, f"resource|{source_name}|{source.unversioned}"))


def document_id(source_name: str, subject: str, content_key: str) -> str:
    """A document: what a clinician would call one report, however many resources show it."""
    return str(uuid5(NAMESPACE, f"document|{source_name}|{subject}|{content_key}"))


def finding_id(document: str, slot: str) -> str:
    """A finding of a document; `slot` is the phenotype with receptor, part and ordinal."""
    return str(uuid5(NAMESPACE, f"finding|{document}|{slot}"))


class Run(Value):
    """One way of reading one version of one text: all that the output depends on.

    Two runs with the same `id` give the same findings, so the second need not ask the model.
    """

    source: str
    source_version: str | None
    text_sha256: str
    model: ModelIdentity
    prompt_set: PromptSetIdentity
    settings_sha256: str
    terminology_version: str
    software_version: str

    @property
    def id(self) -> str:
        """The run's identity, over everything but what says only where a model is served."""
        parts = [
            self.source,
            self.source_version,
            self.text_sha256,
            self.model.name,
            self.model.digest,
            self.prompt_set.sha256,
            self.settings_sha256,
            self.terminology_version,
            self.software_version,
        ]
        return str(uuid5(NAMESPACE, "run|" + json.dumps(parts)))


def run_of(
    report: Report,
    model: ModelIdentity,
    prompt_set: PromptSetIdentity,
    settings_sha256: str,
    terminology_version: str,
    software_version: str,
) -> Run:
    """The run that reads `report` with this model, prompt set, settings, terminology and software."""
    return Run(
        source=report.source.unversioned,
        source_version=report.source.version,
        text_sha256=report.text_sha256,
        model=model,
        prompt_set=prompt_set,
        settings_sha256=settings_sha256,
        terminology_version=terminology_version,
        software_version=software_version,
    )


def sha256_of(text: str) -> str:
    """Hex sha256 of the UTF-8 of `text`; lone surrogates are hashed as they are escaped."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
