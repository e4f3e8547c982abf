"""Identities of documents, findings and runs.

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
    """Return the key by which the head of a source resource, of any version, is found."""
    return str(uuid5(NAMESPACE, f"resource|{source_name}|{source.unversioned}"))


def document_id(source_name: str, subject: str, content_key: str) -> str:
    """Return the identity of a document: one report to a clinician, however many resources show it."""
    return str(uuid5(NAMESPACE, f"document|{source_name}|{subject}|{content_key}"))


def finding_id(document: str, slot: str) -> str:
    """Return the identity of a finding. `slot` is the phenotype with receptor, part and ordinal."""
    return str(uuid5(NAMESPACE, f"finding|{document}|{slot}"))


class Run(Value):
    """Everything that the output for one version of a report depends on.

    Two runs with the same `id` have the same findings: the second does not ask the model.
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
        """The run's identity. It excludes the model's server, which does not change the answers."""
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
    """Return the run of `report` with this model, prompt set, settings, terminology and software."""
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
    """Return the hex sha256 of `text` in UTF-8. Lone surrogates are encoded as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
