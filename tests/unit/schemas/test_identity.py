import pytest

from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import ModelIdentity, PromptSetIdentity
from oncofhir.schemas.identity import Run, document_id, finding_id, resource_key

MODEL = ModelIdentity(name="m", digest="d", server="tgi")
PROMPTS = PromptSetIdentity(name="p", version="1", sha256="s")
RUN = Run(
    source="DiagnosticReport/1",
    source_version="1",
    text_sha256="t",
    model=MODEL,
    prompt_set=PROMPTS,
    settings_sha256="x",
    terminology_version="1",
    software_version="1",
)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "DiagnosticReport/2"},
        {"source_version": "2"},
        {"source_version": None},
        {"text_sha256": "u"},
        {"model": MODEL.model_copy(update={"digest": "e"})},
        {"model": MODEL.model_copy(update={"name": "n"})},
        {"prompt_set": PROMPTS.model_copy(update={"sha256": "r"})},
        {"settings_sha256": "y"},
        {"terminology_version": "2"},
        {"software_version": "2"},
    ],
)
def test_each_part_of_a_run_matters(change):
    assert RUN.model_copy(update=change).id != RUN.id


@pytest.mark.parametrize(
    "change", [{"server": "vllm"}, {"server_version": "9"}, {"max_total_tokens": 1}]
)
def test_where_a_model_is_served_does_not_matter(change):
    assert RUN.model_copy(update={"model": MODEL.model_copy(update=change)}).id == RUN.id


def test_resource_key_ignores_the_version():
    first = SourceReference(type="DiagnosticReport", id="1", version="1")
    assert resource_key("ehr", first) == resource_key(
        "ehr", first.model_copy(update={"version": "2"})
    )
    assert resource_key("ehr", first) != resource_key("other", first)


def test_documents_and_findings_differ_by_each_part():
    ids = {
        document_id("ehr", "Patient/1", "hash"),
        document_id("other", "Patient/1", "hash"),
        document_id("ehr", "Patient/2", "hash"),
        document_id("ehr", "Patient/1", "other"),
        finding_id("d", "tumor-size"),
        finding_id("d", "hormone-receptor/ER"),
        finding_id("e", "tumor-size"),
    }
    assert len(ids) == 7
