"""What `make validate-fhir` does before and after the validator itself: packages, addresses, explanations."""

import io
import json
import tarfile

import pytest

from tests.validator.explained import UNCHECKED, explanation
from tests.validator.hapi import Message
from tests.validator.packages import PackagesMissing, gathered
from tests.validator.prepared import STORE, as_stored, withdrawn

URLS = ("us-core-observation-lab", "mcode-tumor-size", "AI-Provenance")


def bundle(*resources):
    return {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in resources],
    }


def test_a_placeholder_becomes_the_address_that_the_store_gives():
    head = ("2", {"resourceType": "Task"})
    target = {"resourceType": "Provenance", "target": [{"reference": "urn:uuid:2"}]}
    stored = as_stored(bundle(("1", target), head))
    assert stored["entry"][0]["resource"]["target"] == [{"reference": "Task/2"}]
    assert stored["entry"][1]["resource"]["id"] == "2"
    assert stored["entry"][1]["fullUrl"] == f"{STORE}Task/2"


def test_withdrawn_findings_are_validated_too_under_their_ids():
    grade = {"resourceType": "Observation", "status": "preliminary"}
    gone = withdrawn(as_stored(bundle(("1", grade), ("2", {"resourceType": "Provenance"}))))
    (entry,) = gone["entry"]
    assert entry["resource"] == {
        "resourceType": "Observation",
        "id": "1",
        "meta": {},
        "status": "entered-in-error",
    }


@pytest.mark.parametrize("packed", [False, True])
def test_packages_are_read_unpacked_or_as_registries_serve_them(tmp_path, packed):
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in URLS:
        said = json.dumps({"resourceType": "StructureDefinition"}).encode()
        if packed:
            member = tarfile.TarInfo(f"package/StructureDefinition-{name}.json")
            member.size = len(said)
            with tarfile.open(folder / f"{name}.tgz", "w:gz") as archive:
                archive.addfile(member, io.BytesIO(said))
        else:
            (folder / f"StructureDefinition-{name}.json").write_bytes(said)
    into = tmp_path / "into"
    assert len(list(gathered(folder, into).rglob("StructureDefinition-*.json"))) == len(URLS)


def test_a_package_that_is_missing_is_named(tmp_path):
    with pytest.raises(PackagesMissing, match="mcode-tumor-size"):
        gathered(tmp_path, tmp_path.parent / "into")


def test_no_folder_is_said(tmp_path):
    with pytest.raises(PackagesMissing, match="no such folder"):
        gathered(tmp_path / "none", tmp_path / "into")


def test_a_kind_that_nobody_explained_keeps_the_validators_words():
    said = Message("f.json", "warning", "NEW_KIND", "Observation", "something new")
    assert explanation(said) == "NEW_KIND: something new"


def test_an_unknown_code_system_is_unchecked_and_no_warning():
    text = "CodeSystem is unknown and can't be validated: http://loinc.org for 'http://loinc.org#1'"
    assert explanation(Message("f.json", "warning", "K", "Observation", text)) == UNCHECKED
