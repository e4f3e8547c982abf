"""The views, and the questions of the tutorial, on landed rows."""

from pathlib import Path

import pytest

from docs.site.blocks import blocks
from oncofhir.contracts.examples import outcome_row
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.tables import landed_tables
from oncofhir.warehouse.landing.topic_record import StagedRecord
from tests.unit.warehouse.landing.rows import record, row

PAGE = Path(__file__).parents[4] / "docs" / "tutorial" / "questions-in-sql.md"
TABLES = landed_tables(KafkaSettings())


def values(histology, group, er=None):
    found = {(Kind.HISTOLOGICAL_TYPE, None): histology, (Kind.CANCER_STAGE, "group"): group}
    found |= {(Kind.TUMOR_SITE, None): "breast", (Kind.CANCER_STAGE, "t"): "pT2"}
    return found | ({(Kind.HORMONE_RECEPTOR, "ER"): er} if er else {})


@pytest.fixture
def connection(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    landing = DuckDbLanding.open(Path("w.duckdb"), TABLES)
    other = DuckDbLanding.open(Path("trial.duckdb"), TABLES)
    rows = [
        *rows_of("d1", "1", 2025, values("ductal carcinoma", "IIA", "positive")),
        *rows_of("d1", "2", 2025, values("ductal carcinoma", "IIA", "negative")),
        *rows_of("d2", "1", 2026, values("lobular carcinoma", "I", "positive")),
        row(finding="gone", document="d2", kind=Kind.TUMOR_SIZE, value="9 mm", status="withdrawn"),
    ]
    landing.merge(TABLES[0], [record(n, r) for n, r in enumerate(rows)], {0: len(rows)})
    changed = [r.model_copy(update={"value": "x"}) if r.slot == "group" else r for r in rows]
    other.merge(TABLES[0], [record(n, r) for n, r in enumerate(changed)], {0: len(rows)})
    other.close()
    outcomes = [
        outcome_row(),
        outcome_row().model_copy(update={"status": OutcomeStatus.NOTHING_FOUND}),
    ]
    landing.merge(
        TABLES[1],
        [StagedRecord(0, n, f"d{n}", o.model_dump_json()) for n, o in enumerate(outcomes)],
        {0: 2},
    )
    yield landing.connection
    landing.close()


def rows_of(document, lesion, year, found):
    for (kind, slot), value in found.items():
        yield row(
            finding=f"{document}/{lesion}/{kind}/{slot}",
            document=document,
            lesion=lesion,
            kind=kind,
            slot=slot,
            value=value,
            effective=f"{year}-03-01",
            confidence=0.9,
        )


def test_a_tumour_is_one_row_with_its_own_attributes(connection):
    found = connection.execute(
        "SELECT document, tumor, histology, er, stage_group, size_mm FROM tumors ORDER BY ALL"
    ).fetchall()
    assert found == [
        ("d1", "1", "ductal carcinoma", "positive", "IIA", None),
        ("d1", "2", "ductal carcinoma", "negative", "IIA", None),
        ("d2", "1", "lobular carcinoma", "positive", "I", None),
    ]


def test_the_questions_of_the_tutorial_are_answered(connection):
    statements = [block.text for block in blocks(PAGE) if block.language == "sql"]
    answers = [connection.sql(sql).fetchall() for sql in statements]
    assert answers == [
        [("other carcinoma", "T2", 3)],
        [
            ("2025", "negative", None, 1),
            ("2025", "positive", None, 1),
            ("2026", "positive", None, 1),
        ],
        [("found", None, 1, 50.0), ("nothing-found", None, 1, 50.0)],
        [("breast", 15, 15)],
        [
            ("cancer-stage", 6, 6, 3),
            ("histological-type", 3, 3, 3),
            ("hormone-receptor", 3, 3, 3),
            ("tumor-site", 3, 3, 3),
        ],
    ]
