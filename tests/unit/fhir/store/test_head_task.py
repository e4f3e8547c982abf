"""A head as a Task, also as version 0.1.0 stored it (`tests/data/written-by-0.1.0`, written by that version)."""

import json
from pathlib import Path

import pytest

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.store.head import result_of
from oncofhir.fhir.store.head_task import STATE, from_task, to_task
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from tests.unit.fhir.store.test_head import head

SYSTEMS = IdentifierSystems(prefix="https://test.example/sid")
WRITTEN_BY_0_1_0 = Path(__file__).parents[3] / "data" / "written-by-0.1.0"


def test_a_head_comes_back_from_its_task():
    task = to_task(head(), SYSTEMS) | {"id": "t1", "meta": {"versionId": "3"}}
    assert from_task(task) == head()


@pytest.mark.parametrize("output", [[], [{"type": {"text": "state"}, "valueString": "{"}]])
def test_a_task_that_is_no_head_is_refused_without_its_content(output):
    with pytest.raises(RequestRejected, match=r"Task\.output"):
        from_task({"output": output})


def state_of(task):
    (state,) = [o["valueString"] for o in task["output"] if o["type"]["text"] == STATE]
    return json.loads(state)


def findings_of(task):
    return {o["valueReference"]["reference"] for o in task["output"] if "valueReference" in o}


def read(name):
    return json.loads((WRITTEN_BY_0_1_0 / name).read_text())


def contains(new, old):
    """Whether everything of the old JSON is in the new one, which may have more fields."""
    if isinstance(old, dict):
        return all(key in new and contains(new[key], value) for key, value in old.items())
    if isinstance(old, list):
        return len(new) == len(old) and all(map(contains, new, old))
    return new == old


@pytest.mark.parametrize("file", sorted(WRITTEN_BY_0_1_0.glob("head-*.json")), ids=lambda f: f.stem)
def test_a_head_of_0_1_0_is_read_and_written_under_the_names_that_it_has(file):
    task = read(file.name)
    again = to_task(from_task(task), SYSTEMS)
    assert contains(state_of(again), state_of(task))
    assert findings_of(again) == findings_of(task)
    for stored in (task, again):
        del stored["meta"], stored["output"]
    assert again == task


def test_an_alias_of_0_1_0_is_known_with_its_version_and_text():
    known = from_task(read("head-amended-with-alias.json"))
    ((reference, alias),) = known.aliases.items()
    assert reference.startswith("DocumentReference/")
    assert alias.version.version == "1"
    assert alias.text_hash == known.text_hashes[0] != known.current_text_hash
    assert known.version.version == "2"


def test_an_interrupted_write_of_0_1_0_is_known_as_one():
    known = from_task(read("head-write-in-progress.json"))
    assert known.write_in_progress
    assert {intent.slot for intent in known.intents} >= {"cancer-grade"}
    assert {intent.revision for intent in known.intents} == {2}


def test_ids_that_a_server_assigned_to_0_1_0_are_known():
    known = from_task(read("head-server-assigned-ids.json"))
    assert set(known.server_ids) == set(known.references)
    assert {row.resource for row in result_of(known).rows} <= set(known.server_ids.values())


def test_a_reservation_and_a_retraction_of_0_1_0_are_known():
    assert from_task(read("head-reserved.json")).is_reservation
    retracted = from_task(read("head-retracted.json"))
    assert retracted.outcome.status is OutcomeStatus.RETRACTED
    assert all(resource.withdrawn for resource in retracted.resources.values())


def with_unknown_fields(value):
    """What a later version may have added, on every level but in maps and source versions."""
    state = {**value, "added": 1}
    state["rows"] = [{**row, "added": 1} for row in value["rows"]]
    state["outcome"] = {**value["outcome"], "added": 1}
    state["resources"] = {s: {**r, "added": 1} for s, r in value["resources"].items()}
    return state


def test_what_a_later_version_added_to_a_head_is_ignored():
    task = read("head-retracted.json")
    later = with_unknown_fields(state_of(task))
    task["output"] = [{"type": {"text": STATE}, "valueString": json.dumps(later)}]
    assert from_task(task) == from_task(read("head-retracted.json"))


@pytest.mark.parametrize(
    ("name", "model"), [("phenotype-rows.json", PhenotypeRow), ("outcome-rows.json", OutcomeRow)]
)
def test_rows_of_0_1_0_load(name, model):
    for row in read(name):
        assert contains(model.model_validate(row).model_dump(mode="json"), row)
