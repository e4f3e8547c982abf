"""Builds the Provenance of a run, and the Devices, prompt set and model card that it names.

Source: AI Transparency IG 1.0.0 (AI-Provenance, AI-Device, AI-InputPrompt), US Core 6.1.0 Provenance
(provenance-1: onBehalfOf for a Device).
"""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid5

from oncofhir.fhir.codes import AI_ASSERTED
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.run_context import (
    RunContext,
    model_card_id,
    model_device_id,
    prompt_document_id,
    software_device_id,
)
from oncofhir.schemas.identity import NAMESPACE, Run

AIT = "http://hl7.org/fhir/uv/aitransparency/"
_AI = {"system": AIT + "CodeSystem/AIdeviceTypeCS", "code": "Artificial-Intelligence"}
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance"
_LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(context: RunContext, targets: Iterable[str], slot: str) -> dict[str, Any]:
    """Build the Provenance of a run: source version, model, prompt set and software. Kept as history.

    `slot` distinguishes several Provenances of one run, such as that of a repeated run.
    """
    on_behalf_of = {"display": context.organization}
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(NAMESPACE, f"provenance|{context.document}|{context.run.id}|{slot}")),
        "meta": {"profile": [AIT + "StructureDefinition/AI-Provenance", US_CORE]},
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": context.recorded.isoformat(),
        "recorded": context.recorded.isoformat(),
        "reason": [{"coding": [AI_ASSERTED]}],
        "activity": {
            **activity("transform", "Transform/Translate Record Lifecycle Event"),
            "text": "Extraction of cancer phenotypes and diagnosis from report text; "
            "not reviewed by a human",
        },
        "agent": [
            {
                "type": participant("author", "Author"),
                "role": [{"coding": [_AI]}],
                "who": {"reference": context.model_device},
                "onBehalfOf": on_behalf_of,
            },
            assembler(context.software_device, context.organization),
        ],
        "entity": [
            {"role": "source", "what": _of_version(context)},
            *(
                {"role": "derivation", "what": {"reference": document}}
                for document in (context.prompt_document, context.model_card_document)
                if document
            ),
        ],
    }


def _of_version(context: RunContext) -> dict[str, Any]:
    """Return a versioned reference. Its display names the version too: HAPI FHIR strips versions."""
    source, version = context.run.source, context.run.source_version
    if version is None:
        return context.source
    return {
        **context.sources.reference_element(f"{source}/_history/{version}"),
        "display": f"version {version}",
    }


def withdrawal_provenance(
    document: str,
    revision: int,
    targets: Iterable[str],
    source: dict[str, Any],
    *,
    software: str,
    organization: str,
    recorded: datetime,
) -> dict[str, Any]:
    """Build the Provenance of a withdrawal that a version of the report (`source`) caused."""
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(NAMESPACE, f"withdrawal|{document}|{revision}")),
        "meta": {"profile": [US_CORE], "security": [AI_ASSERTED]},
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": recorded.isoformat(),
        "recorded": recorded.isoformat(),
        "activity": {
            **activity("deprecate", "Deprecate Record Lifecycle Event"),
            "text": "Withdrawn because the report was",
        },
        "agent": [assembler(f"Device/{software_device_id(software)}", organization)],
        "entity": [{"role": "source", "what": source}],
    }


def activity(code: str, display: str) -> dict[str, Any]:
    """Build Provenance.activity of a lifecycle event (ISO 21089)."""
    return {"coding": [{"system": _LIFECYCLE, "code": code, "display": display}]}


def assembler(device: str, organization: str) -> dict[str, Any]:
    """Build the agent that is this software, on behalf of the organisation that runs it."""
    return {
        "type": participant("assembler", "Assembler"),
        "who": {"reference": device},
        "onBehalfOf": {"display": organization},
    }


def participant(code: str, display: str) -> dict[str, Any]:
    """Build the type of an agent (provenance-participant-type)."""
    return {"coding": [{"system": _PARTICIPANT, "code": code, "display": display}]}


def shared_resources(
    run: Run, systems: IdentifierSystems, prompt_text: str, model_card: str | None = None
) -> tuple[dict[str, Any], ...]:
    """Build what every run of this model, prompt set and software version refers to."""
    software = software_resource(run.software_version, systems)
    card = [_model_card(run, systems, model_card)] if model_card else []
    return (_model(run, systems), software, _prompt_set(run, systems, prompt_text), *card)


def _model(run: Run, systems: IdentifierSystems) -> dict[str, Any]:
    server = f"{run.model.server} {run.model.server_version or ''}".strip()
    kind = {
        "coding": [{**_AI, "code": "Large-Language-Models", "display": "Large Language Models"}]
    }
    return {
        "resourceType": "Device",
        "id": model_device_id(run),
        "meta": {"profile": [AIT + "StructureDefinition/AI-Device"]},
        "extension": [
            {
                "url": AIT + "StructureDefinition/aitransparency.AIKind",
                "valueCodeableConcept": kind,
            }
        ],
        "identifier": [{"system": systems.model, "value": f"{run.model.name}@{run.model.digest}"}],
        "status": "active",
        "deviceName": [{"name": run.model.name, "type": "model-name"}],
        "modelNumber": run.model.name,
        "type": {"coding": [_AI]},
        "version": [
            {"type": {"text": "model weights"}, "value": run.model.digest},
            {"type": {"text": "model server"}, "value": server},
        ],
    }


def software_resource(version: str, systems: IdentifierSystems) -> dict[str, Any]:
    """Build the Device of this software and its version."""
    return {
        "resourceType": "Device",
        "id": software_device_id(version),
        "identifier": [{"system": systems.software, "value": f"oncofhir@{version}"}],
        "status": "active",
        "deviceName": [{"name": "oncofhir", "type": "user-friendly-name"}],
        "type": {"text": "Software: FHIR and Kafka extraction service"},
        "version": [{"value": version}],
    }


def _prompt_set(run: Run, systems: IdentifierSystems, text: str) -> dict[str, Any]:
    """Build the DocumentReference of the prompt template, without patient data (AI-InputPrompt)."""
    name = f"{run.prompt_set.name}@{run.prompt_set.version}"
    return {
        "resourceType": "DocumentReference",
        "id": prompt_document_id(run),
        "meta": {"profile": [AIT + "StructureDefinition/AI-InputPrompt"]},
        "identifier": [{"system": systems.prompt_set, "value": f"{name}@{run.prompt_set.sha256}"}],
        "status": "current",
        "type": {"coding": [{"system": AIT + "CodeSystem/AIinputsCS", "code": "AIInputPrompt"}]},
        "description": f"Prompt set {name} (no patient data)",
        "content": [
            {
                "attachment": {
                    "contentType": "text/markdown",
                    "data": base64.b64encode(text.encode()).decode(),
                    "title": name,
                }
            }
        ],
    }


def _model_card(run: Run, systems: IdentifierSystems, text: str) -> dict[str, Any]:
    """Build the DocumentReference of the model card (AI-ModelCard)."""
    inputs = AIT + "CodeSystem/AIinputsCS"
    name, ident = f"{run.model.name}@{run.model.digest}", model_card_id(run, text)
    return {
        "resourceType": "DocumentReference",
        "id": ident,
        "meta": {"profile": [AIT + "StructureDefinition/AI-ModelCard"]},
        "identifier": [{"system": systems.model_card, "value": f"{name}@{ident}"}],
        "status": "current",
        "type": {"coding": [{"system": inputs, "code": "AIModelCard"}]},
        "category": [
            {
                "coding": [
                    {
                        "system": inputs,
                        "code": "AIModelCardMarkdownFormat",
                        "display": "Markdown Format",
                    }
                ]
            }
        ],
        "description": f"Model card of {run.model.name}",
        "content": [
            {
                "attachment": {
                    "contentType": "text/markdown",
                    "data": base64.b64encode(text.encode()).decode(),
                    "title": run.model.name,
                }
            }
        ],
    }
