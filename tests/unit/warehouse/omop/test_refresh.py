"""OMOP tables from landed rows, with and without the site's vocabulary."""

import duckdb
import pytest

from oncofhir.fhir.codes import GRADE, HISTOLOGY, RECEPTORS, SIZE, STAGES
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.landing import LandingError
from oncofhir.warehouse.landing.tables import landed_tables
from oncofhir.warehouse.omop.refresh import refresh
from tests.unit.warehouse.landing.rows import record, row

TABLES = landed_tables(KafkaSettings())
ICD, SNOMED = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"
CANCER = (Coding(system=ICD, code="C50.912"), Coding(system=SNOMED, code="254837009"))


@pytest.fixture
def landing():
    made = DuckDbLanding(duckdb.connect(), TABLES)
    yield made
    made.close()


def land(landing, *rows):
    landing.merge(TABLES[0], [record(n, r) for n, r in enumerate(rows)], {0: len(rows)})


def rows_of(landing, table):
    found = landing.connection.execute(f"SELECT * FROM omop.{table} ORDER BY 1")
    names = [d[0] for d in found.description]
    return [dict(zip(names, r, strict=True)) for r in found.fetchall()]


def diagnosis(**fields):
    given = {"finding": "dx", "kind": Kind.DIAGNOSIS, "value": "breast cancer", "codings": CANCER}
    return row(**(given | fields))


def size(**fields):
    given = {"finding": "size", "kind": Kind.TUMOR_SIZE, "value": "18 mm", "codings": ()}
    return row(**(given | {"number": 18.0, "unit": "mm"} | fields))


def athena(folder, concepts, maps):
    lines = [
        "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\tvalid_start_date\tvalid_end_date\tinvalid_reason"
    ]
    lines += [
        f'{i}\ta "name"\t{d}\t{v}\tx\t{s}\t{c}\t19700101\t20991231\t' for i, v, c, s, d in concepts
    ]
    (folder / "CONCEPT.csv").write_text("\n".join(lines) + "\n")
    lines = [
        "concept_id_1\tconcept_id_2\trelationship_id\tvalid_start_date\tvalid_end_date\tinvalid_reason"
    ]
    lines += [f"{a}\t{b}\tMaps to\t19700101\t20991231\t" for a, b in maps]
    (folder / "CONCEPT_RELATIONSHIP.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_without_a_vocabulary_source_codes_stand_and_concepts_are_0_and_counted(landing):
    land(landing, diagnosis(), size())
    counts = refresh(landing.connection)
    assert counts.rows == {"note": 1, "note_nlp": 2, "condition_occurrence": 1, "measurement": 1}
    (condition,) = rows_of(landing, "condition_occurrence")
    assert condition["condition_source_value"] == "C50.912"
    assert condition["condition_concept_id"] == 0
    assert counts.unmapped_codes == len(rows_of(landing, "unmapped"))
    assert {r["code"] for r in rows_of(landing, "unmapped")} >= {
        "C50.912",
        "254837009",
        "21889-1",
        "mm",
    }


def test_a_modifier_points_to_the_diagnosis_of_its_own_tumour(landing):
    land(
        landing,
        diagnosis(finding="dxA", part="A"),
        diagnosis(finding="dxB", part="B"),
        size(finding="sizeB", part="B"),
        size(finding="sizeC", part="C"),
    )
    refresh(landing.connection)
    ids = {
        r[0]: r[1]
        for r in landing.connection.execute(
            "SELECT key, id FROM omop.row_id WHERE cdm_table = 'condition_occurrence'"
        ).fetchall()
    }
    measured = {m["measurement_event_id"]: m for m in rows_of(landing, "measurement")}
    assert set(measured) == {ids["dxB"], None}
    assert measured[ids["dxB"]]["meas_event_field_concept_id"] == 1147127
    assert measured[None]["meas_event_field_concept_id"] is None
    assert measured[ids["dxB"]]["value_as_number"] == 18.0


def test_two_diagnoses_of_one_tumour_leave_its_modifiers_without_a_condition(landing):
    land(landing, diagnosis(), diagnosis(finding="dx2"), size())
    refresh(landing.connection)
    assert rows_of(landing, "measurement")[0]["measurement_event_id"] is None


def test_codes_are_mapped_by_the_sites_vocabulary(landing, tmp_path):
    folder = athena(
        tmp_path,
        [
            (1001, "ICD10CM", "C50.912", "", "Condition"),
            (2001, "SNOMED", "999", "S", "Condition"),
            (2002, "LOINC", "21889-1", "S", "Measurement"),
            (2003, "UCUM", "mm", "S", "Unit"),
        ],
        [(1001, 2001)],
    )
    land(landing, diagnosis(), size())
    counts = refresh(landing.connection, vocabulary=folder)
    (condition,) = rows_of(landing, "condition_occurrence")
    assert condition["condition_source_value"] == "C50.912"
    assert condition["condition_source_concept_id"] == 1001
    assert condition["condition_concept_id"] == 2001
    (measurement,) = rows_of(landing, "measurement")
    assert measurement["measurement_concept_id"] == 2002
    assert measurement["unit_concept_id"] == 2003
    assert "C50.912" not in {r["code"] for r in rows_of(landing, "unmapped")}
    assert counts.unmapped_codes >= 1


def test_ids_stay_when_rows_come_and_go(landing):
    land(landing, diagnosis(), size())
    refresh(landing.connection)
    before = {r["measurement_id"] for r in rows_of(landing, "measurement")}
    land(landing, diagnosis(status="withdrawn", revision=2), size(finding="another", revision=2))
    refresh(landing.connection)
    assert rows_of(landing, "condition_occurrence") == []
    after = {r["measurement_id"] for r in rows_of(landing, "measurement")}
    assert before < after


def test_persons_are_the_sites_where_it_gives_them(landing, tmp_path):
    persons = tmp_path / "persons.csv"
    persons.write_text("person_source_value,person_id\nPatient/1,4711\n")
    land(landing, diagnosis(), size(subject="Patient/2", document="d2"))
    refresh(landing.connection, persons=persons)
    assert rows_of(landing, "condition_occurrence")[0]["person_id"] == 4711
    assert rows_of(landing, "measurement")[0]["person_id"] == 4712


def test_a_vocabulary_that_cannot_be_read_leaves_the_tables_as_they_were(landing, tmp_path):
    land(landing, diagnosis())
    refresh(landing.connection)
    before = rows_of(landing, "condition_occurrence")
    (tmp_path / "CONCEPT.csv").write_text("nothing\tof\tuse\n")
    with pytest.raises(LandingError, match=r"as they were.*CONCEPT|as they were.*columns"):
        refresh(landing.connection, vocabulary=tmp_path)
    assert rows_of(landing, "condition_occurrence") == before


def test_what_is_measured_has_the_codes_of_the_fhir_output(landing):
    refresh(landing.connection)
    found = {
        (kind, slot): code
        for kind, slot, code in landing.connection.execute(
            "SELECT kind, slot, code FROM omop.measured WHERE code IS NOT NULL"
        ).fetchall()
    }
    single = {"tumor-size": SIZE, "cancer-grade": GRADE, "histological-type": HISTOLOGY}
    wanted = {(kind, None): c["coding"][0]["code"] for kind, c in single.items()}
    wanted |= {("hormone-receptor", n): c["coding"][0]["code"] for n, c in RECEPTORS.items()}
    wanted |= {("cancer-stage", slot): codes[0] for slot, codes in STAGES.items()}
    assert found == wanted
