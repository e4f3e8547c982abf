"""Finds every resource that this service has written for one patient.

Heads are found by their subject, and by the patient's reports, since a report that was retracted before it
was read has a head without a subject. Findings are found through the heads and by their subject, since a head
may be lost. Provenance names no patient and is found by its targets.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.references import literal_reference
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.source_references import SourceReferences, referenced_resource
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.withdrawal import is_edited
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.identity import resource_key

REPORT_TYPES = ("DiagnosticReport", "DocumentReference")
_FINDING_TYPES = ("Observation", "Condition", "Specimen", "BodyStructure")
_PAGE_SIZE = "100"
_VALUES_PER_SEARCH = 20


class PatientResources(Value):
    """What the store holds of a patient.

    `groups` are the references to delete together: those of a document, its head last. `edited` counts the
    findings that a person has edited. `unsearched` are types that the server does not search by patient:
    a finding of such a type is found through its head only.
    """

    heads: tuple[Head, ...]
    groups: tuple[tuple[str, ...], ...]
    edited: int
    unsearched: tuple[str, ...] = ()

    @property
    def documents(self) -> frozenset[str]:
        """The keys of the outcome rows of the documents."""
        return frozenset(head.document for head in self.heads)

    @property
    def reports(self) -> frozenset[str]:
        """The reports that show the documents, as `Type/id`."""
        return frozenset(
            name for head in self.heads for name in (head.source.unversioned, *head.aliases)
        )

    @property
    def findings(self) -> frozenset[str]:
        """The keys of the phenotype rows."""
        return frozenset(row.finding for head in self.heads for row in head.published_rows)


async def find_reports(client: FhirClient, patient: str) -> frozenset[str]:
    """Find the patient's reports at the source, as `Type/id`.

    Raises:
        RequestRejected: the source does not support the search.
        DependencyUnavailable, AccessDenied: as the source answered.
    """
    found: set[str] = set()
    for kind in REPORT_TYPES:
        params = {"subject": patient, "_count": _PAGE_SIZE}
        async for page in search_pages(client, kind, params):
            found.update(f"{kind}/{resource['id']}" for resource in page if resource.get("id"))
    return frozenset(found)


async def find_resources(
    client: FhirClient,
    systems: IdentifierSystems,
    sources: SourceReferences,
    source_name: str,
    patient: str,
    reports: Collection[str],
) -> PatientResources:
    """Find the patient's heads, findings and their Provenance in the store.

    `reports` are further reports of the patient, as `Type/id`. A head that names another patient is left out.

    Raises:
        RequestRejected: a head cannot be read, or the store does not support a search.
        DependencyUnavailable, AccessDenied: as the store answered.
    """
    subject = _search_parameter(sources.reference_element(patient))
    tasks = {
        task["id"]: task
        async for task in _search(client, "Task", subject)
        if _has_system(task, {systems.document})
    }
    async for task in _tasks_of_reports(client, systems, source_name, reports):
        named = referenced_resource(task.get("for") or {})
        if named in {None, patient}:
            tasks[task["id"]] = task
    heads = tuple(map(from_task, tasks.values()))
    findings: list[dict[str, Any]] = []
    unsearched = []
    for kind in _FINDING_TYPES:
        try:
            found = [each async for each in _search(client, kind, _for_type(subject, kind))]
        except RequestRejected:
            unsearched.append(kind)
            continue
        findings += [each for each in found if _has_system(each, {systems.finding, systems.tumor})]
    resources = await _grouped(client, heads, findings)
    return resources.model_copy(update={"unsearched": tuple(unsearched)})


async def _grouped(
    client: FhirClient, heads: Sequence[Head], findings: Iterable[Mapping[str, Any]]
) -> PatientResources:
    batch = (await client.capability()).batch
    unclaimed = {f"{each['resourceType']}/{each['id']}" for each in findings}
    groups: list[tuple[str, ...]] = []
    edited = 0
    for head in heads:
        written = {head.server_reference(r.reference): r for r in head.resources.values()}
        references = [head.server_reference(reference) for reference in head.references]
        stored = await client.read_many(references, batch=batch)
        edited += sum(is_edited(r, stored[name]) for name, r in written.items() if name in stored)
        unclaimed -= set(references)
        groups.append(await _with_provenance(client, stored, f"Task/{head.id}"))
    groups += [await _with_provenance(client, (), reference) for reference in sorted(unclaimed)]
    return PatientResources(heads=tuple(heads), groups=tuple(groups), edited=edited)


async def _with_provenance(
    client: FhirClient, findings: Iterable[str], last: str
) -> tuple[str, ...]:
    references = [*findings, last]
    provenance: dict[str, None] = {}
    for some in _chunks(references):
        async for resource in _search(client, "Provenance", {"target": ",".join(some)}):
            provenance[f"Provenance/{resource['id']}"] = None
    return (*provenance, *references)


async def _tasks_of_reports(
    client: FhirClient, systems: IdentifierSystems, source_name: str, reports: Collection[str]
) -> AsyncIterator[dict[str, Any]]:
    sources = [found for found in map(literal_reference, sorted(reports)) if found is not None]
    tokens = [f"{systems.source}|{resource_key(source_name, source)}" for source in sources]
    for some in _chunks(tokens):
        async for task in _search(client, "Task", {"identifier": ",".join(some)}):
            yield task


async def _search(
    client: FhirClient, kind: str, params: Mapping[str, str]
) -> AsyncIterator[dict[str, Any]]:
    async for page in search_pages(client, kind, {**params, "_count": _PAGE_SIZE}):
        for resource in page:
            if resource.get("id"):
                yield resource


def _search_parameter(reference: Mapping[str, Any]) -> dict[str, str]:
    if "reference" in reference:
        return {"subject": reference["reference"]}
    identifier = reference["identifier"]
    return {"subject:identifier": f"{identifier['system']}|{identifier['value']}"}


def _for_type(subject: Mapping[str, str], kind: str) -> dict[str, str]:
    """BodyStructure has the search parameter `patient` only (R4, bodystructure.html#search)."""
    if kind != "BodyStructure":
        return dict(subject)
    return {name.replace("subject", "patient"): value for name, value in subject.items()}


def _has_system(resource: Mapping[str, Any], systems: Collection[str]) -> bool:
    return any(each.get("system") in systems for each in resource.get("identifier", ()))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _VALUES_PER_SEARCH):
        yield values[start : start + _VALUES_PER_SEARCH]
