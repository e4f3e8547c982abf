"""The OMOP tables load into the CDM's own tables, with every constraint on.

The tables are those of OMOP CDM 5.4 as the package `omop-cdm` (the EHDEN project's) declares them, with primary
keys, NOT NULL, lengths and foreign keys, also to the vocabulary.
"""

import csv

import duckdb
import psycopg
import pytest
import sqlalchemy
from omop_cdm.regular import cdm54
from sqlalchemy.schema import CreateSchema

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.tables import landed_tables
from oncofhir.warehouse.omop.refresh import TABLES, refresh
from tests.unit.warehouse.landing.rows import record, row

LONG = "x" * 300
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
# Concept ids that the tables refer to beside those of a site's vocabulary.
TYPES = (0, 32831, 32858, 1147127)


@pytest.fixture
def landing():
    tables = landed_tables(KafkaSettings())
    made = DuckDbLanding(duckdb.connect(), tables)
    common = {"subject": "Patient/1", "part": None}
    rows = [
        row(
            finding="dx",
            kind=Kind.DIAGNOSIS,
            value="breast cancer",
            codings=(Coding(system=ICD, code="C50.912"),),
            **common,
        ),
        row(
            finding="odd",
            kind=Kind.DIAGNOSIS,
            value=LONG,
            codings=(),
            document="d2",
            subject="Patient/2",
        ),
        row(finding="size", kind=Kind.TUMOR_SIZE, value="18 mm", number=18.0, unit="mm", **common),
        row(finding="er", kind=Kind.HORMONE_RECEPTOR, slot="ER", value="positive", **common),
        row(
            finding="t",
            kind=Kind.CANCER_STAGE,
            slot="t",
            value="pT1c",
            effective="2026-01-31",
            **common,
        ),
        row(finding="side", value="left", **common),
    ]
    made.merge(tables[0], [record(n, r) for n, r in enumerate(rows)], {0: len(rows)})
    refresh(made.connection)
    yield made
    made.close()


@pytest.fixture
def cdm(database, connection):
    """Empty CDM 5.4 tables, with the concepts and persons that a site has."""
    metadata = cdm54.Base.metadata
    engine = sqlalchemy.create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as made:
        for schema in sorted({t.schema for t in metadata.tables.values() if t.schema}):
            made.execute(CreateSchema(schema, if_not_exists=True))
        metadata.create_all(made)
    fill_vocabulary(connection)
    yield connection
    with engine.begin() as made:
        for schema in sorted({t.schema for t in metadata.tables.values() if t.schema}):
            made.execute(sqlalchemy.text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


def fill_vocabulary(connection):
    execute = connection.execute
    execute(
        "SET session_replication_role = replica"
    )  # the vocabulary's own tables refer to one another
    execute("INSERT INTO vocabulary_schema.domain VALUES ('D', 'd', 0)")
    execute("INSERT INTO vocabulary_schema.concept_class VALUES ('C', 'c', 0)")
    execute(
        "INSERT INTO vocabulary_schema.vocabulary (vocabulary_id, vocabulary_name, vocabulary_reference, "
        "vocabulary_concept_id) VALUES ('V', 'v', 'r', 0)"
    )
    for concept in TYPES:
        execute(
            "INSERT INTO vocabulary_schema.concept (concept_id, concept_name, domain_id, vocabulary_id, "
            "concept_class_id, concept_code, valid_start_date, valid_end_date) "
            "VALUES (%s, 'n', 'D', 'V', 'C', '0', '1970-01-01', '2099-12-31')",
            [concept],
        )
    execute("SET session_replication_role = origin")
    for person in (1, 2):
        execute(
            "INSERT INTO cdm_schema.person (person_id, gender_concept_id, year_of_birth, race_concept_id, "
            "ethnicity_concept_id) VALUES (%s, 0, 1950, 0, 0)",
            [person],
        )


def load(landing, connection, table, folder):
    """As the how-to does it: a CSV file by DuckDB, COPY by PostgreSQL."""
    file = folder / f"{table}.csv"
    landing.connection.execute(
        f"COPY omop.{table} TO '{file}' (HEADER, FORCE_QUOTE (note_text))"
        if table == "note"
        else f"COPY omop.{table} TO '{file}' (HEADER)"
    )
    with file.open(newline="") as read:
        columns = ", ".join(f'"{name}"' for name in next(csv.reader(read)))
    copy = f"COPY cdm_schema.{table} ({columns}) FROM STDIN (FORMAT csv, HEADER)"
    with connection.cursor() as cursor, cursor.copy(copy) as into:
        into.write(file.read_bytes())


def test_every_table_loads_with_all_constraints_on(landing, cdm, tmp_path):
    for table in TABLES:
        load(landing, cdm, table, tmp_path)
    counts = {t: cdm.execute(f"SELECT count(*) FROM cdm_schema.{t}").fetchone()[0] for t in TABLES}
    assert counts == {"note": 2, "note_nlp": 6, "condition_occurrence": 2, "measurement": 4}
    joined = cdm.execute(
        "SELECT m.value_source_value, c.condition_source_value FROM cdm_schema.measurement m "
        "JOIN cdm_schema.condition_occurrence c ON c.condition_occurrence_id = m.measurement_event_id "
        "WHERE m.meas_event_field_concept_id = 1147127 ORDER BY 1"
    ).fetchall()
    assert joined == [(v, "C50.912") for v in ("18 mm", "left", "pT1c", "positive")]


def test_the_constraints_are_really_on(landing, cdm, tmp_path):
    cdm.execute("DELETE FROM cdm_schema.person WHERE person_id = 2")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        load(landing, cdm, "note", tmp_path)
