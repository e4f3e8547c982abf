"""What is emitted for reports of every cancer type, against the snapshots in `tests/snapshots`.

`SNAPSHOTS=write pytest tests/unit/fhir/mapping/test_snapshots.py` writes them anew; read the difference before you
commit it. `make validate-fhir PACKAGES=folder` checks the snapshots against the profiles.
"""

import json
import os
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from oncofhir.fhir.codes import MCODE
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.output_options import OutputOptions
from oncofhir.fhir.mapping.run_context import Unprofiled
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.repository import Repository
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.lesion import Lesion
from tests.findings import CARD, MODEL, PROMPTS, RECORDED, SYSTEM, extraction_of, finding, report_of

WITH_HEAD = (
    "breast"  # the head repeats the findings: once is enough; so it is with the model's card
)
BY_AJCC = {"staging_system": "ajcc-8"}  # a site's setting: most reports name no staging system
FOLDER = Path(__file__).parents[3] / "snapshots"
CASES = tomllib.loads((FOLDER / "cases.toml").read_text())
TYPES = {
    "pathology": (Coding(system="http://loinc.org", code="11526-1"),),
    "imaging": (Coding(system="http://loinc.org", code="18748-4"),),
    "note": (Coding(system="http://loinc.org", code="11506-3"),),
}


def of_type(name, diagnosis, site, side, histology):
    """The same report for another type of cancer."""
    said = f"{side} {site}".strip()
    text = f"\nFINAL DIAGNOSIS: {said}: {histology}, grade 2, 2.0 cm. Stage: pT2 pN0, stage II.\n"
    sided = [["tumor-laterality", "", side, side]] if side else []
    findings = [
        ["diagnosis", "", diagnosis, f"{said}: {histology}"],
        ["tumor-site", "", site, site],
        *sided,
        ["histological-type", "", histology, histology],
        ["cancer-grade", "", "2", "grade 2"],
        ["tumor-size", "", "20 mm", "2.0 cm", [20.0]],
        ["cancer-stage", "t", "pT2", "pT2"],
        ["cancer-stage", "n", "pN0", "pN0"],
        ["cancer-stage", "group", "II", "stage II"],
    ]
    return {"name": name, "text": text, "laterality": side or None, "findings": findings}


ALL = [*CASES["case"], *(of_type(*entry["row"]) for entry in CASES["types"])]


def side_of(case, part):
    return case["sides"][part] if part else case.get("laterality")


def bundle_of(case):
    report = report_of(case["text"], case["name"], types=TYPES[case.get("origin", "pathology")])
    findings = [
        finding(
            report,
            kind,
            value,
            quote,
            slot=slot or None,
            dimensions=tuple(rest[0]) if rest else (),
            part=rest[1] if len(rest) > 1 else None,
            laterality=side_of(case, rest[1] if len(rest) > 1 else None),
            inferred=case.get("inferred", False) and kind == "diagnosis",
        )
        for kind, slot, value, quote, *rest in case["findings"]
    ]
    repository = Repository(
        FhirClient("http://127.0.0.1:9/fhir"),
        source_name="test",
        identifier_system=SYSTEM,
        organization="Test Hospital",
        software_version="0.0.0",
        options=OutputOptions(**case.get("choices", BY_AJCC)),
        model_card=CARD if case["name"] == WITH_HEAD else None,
        clock=lambda: RECORDED,
    )
    run = run_of(report, MODEL, PROMPTS, "settings", "terminology", "0.0.0")
    lesions = tuple(Lesion.model_validate(lesion) for lesion in case.get("lesions", []))
    if lesions:  # all findings are of the first one
        findings = [f.model_copy(update={"lesion": lesions[0].id}) for f in findings]
    extraction = extraction_of(*findings).model_copy(update={"lesions": lesions})
    return repository.first_version(report, run, extraction)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case["name"])
def test_what_is_emitted_is_what_was_reviewed(case):
    bundle, processed = bundle_of(case)
    if case["name"] != WITH_HEAD:
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "Task"]
    printed = json.dumps(bundle, indent=1, ensure_ascii=False) + "\n"
    file = FOLDER / f"{case['name']}.json"
    if os.environ.get("SNAPSHOTS") == "write":
        file.write_text(printed)
    assert printed == file.read_text()
    assert len(processed.rows) == len(case["findings"])


# The mCODE profiles that we claim, by the type of resource.
PROFILES = {
    "Condition": {"mcode-primary-cancer-condition", "mcode-secondary-cancer-condition"},
    "Observation": {
        "mcode-tumor-size",
        "mcode-tumor-marker-test",
        "mcode-histologic-grade",
        "mcode-histologic-behavior-and-type",
        "mcode-tnm-primary-tumor-category",
        "mcode-tnm-regional-nodes-category",
        "mcode-tnm-distant-metastases-category",
        "mcode-tnm-stage-group",
        "mcode-cancer-stage",
    },
}


def claims(resource):
    """The mCODE profile that it claims, and the reason that it says."""
    mcode = [url for url in resource["meta"].get("profile", []) if url.startswith(MCODE)]
    system = IdentifierSystems(prefix=SYSTEM).unprofiled
    tags = [tag for tag in resource["meta"].get("tag", []) if tag["system"] == system]
    assert all(tag["display"] for tag in tags)
    return [url.removeprefix(MCODE) for url in mcode], [Unprofiled(tag["code"]) for tag in tags]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case["name"])
def test_every_finding_claims_its_profile_or_says_why_not_and_is_counted(case):
    bundle, processed = bundle_of(case)
    reasons = Counter()
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] in PROFILES:
            claimed, why = claims(resource)
            assert set(claimed) <= PROFILES[resource["resourceType"]]
            assert (len(claimed), len(why)) in {(1, 0), (0, 1), (1, 1)}
            # both: the parent of the profile of its kind, which asks for less
            assert claimed == ["mcode-cancer-stage"] or (len(claimed), len(why)) != (1, 1)
            reasons.update(why)
    assert processed.outcome.unprofiled == {reason.value: n for reason, n in reasons.items()}


def test_the_snapshots_show_what_claims_no_profile():
    said = Counter()
    for case in ALL:
        said.update(bundle_of(case)[1].outcome.unprofiled)
    assert said == {
        "no-condition-to-refer-to": 1,
        "no-malignancy-named": 1,
        "staging-system-not-named": 4,
        "value-without-code": 6,
    }


def test_no_snapshot_is_left_over():
    assert {file.stem for file in FOLDER.glob("*.json")} == {case["name"] for case in ALL}
