"""Answers as metrics: classes of a closed set, never a value of a patient."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.processing.answer_metrics import record_answers, value_class
from oncofhir.schemas.finding import Basis, Coding, Kind
from oncofhir.schemas.outcome import (
    OutcomeRow,
    OutcomeStatus,
    PhenotypeRow,
    Processed,
    RowStatus,
)
from oncofhir.telemetry.metrics import WORKER_DEFINITIONS
from oncofhir.telemetry.registry import Metrics

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CODE = Coding(system="s", code="c")


def row(kind, value, **more):
    fields = {"status": RowStatus.CURRENT, "basis": Basis.STATED, **more}
    return PhenotypeRow(
        finding="f", document="d", revision=1, source="s", subject="Patient/1", kind=kind, value=value,
        model="m", model_digest="d", prompt_set="p", software="0", run="r", asserted=NOW, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (row(Kind.TUMOR_SIZE, "20 mm", number=20.0), "to 20 mm"),
        (row(Kind.TUMOR_SIZE, "21 mm", number=21.0), "to 50 mm"),
        (row(Kind.TUMOR_SIZE, "140 mm", number=140.0), "over 100 mm"),
        (row(Kind.CANCER_STAGE, "ypT2b", slot="t"), "T2"),
        (row(Kind.CANCER_STAGE, "pTis", slot="t"), "Tis"),
        (row(Kind.CANCER_STAGE, "IIIC1", slot="group"), "III"),
        (row(Kind.CANCER_GRADE, "2"), "2"),
        (row(Kind.CANCER_GRADE, "3+4=7"), "other"),
        (row(Kind.DIAGNOSIS, "breast cancer", codings=(CODE,)), "coded"),
        (row(Kind.DIAGNOSIS, "cancer of Mr CANARY"), "uncoded"),
    ],
)
def test_classes(said, expected):
    assert value_class(said) == expected


@given(st.sampled_from(Kind), st.text(max_size=30))
def test_no_text_becomes_a_label(kind, value):
    assert len(value_class(row(kind, f"{value}CANARY"))) <= 11
    assert "CANARY" not in value_class(row(kind, f"{value}CANARY"))


def test_findings_reports_and_rejections_are_counted():
    metrics = Metrics(WORKER_DEFINITIONS)
    rows = (
        row(Kind.TUMOR_LATERALITY, "left", confidence=0.9, part="A"),
        row(Kind.TUMOR_LATERALITY, "right", part="B"),
        row(Kind.HORMONE_RECEPTOR, "positive", slot="ER"),
        row(Kind.CANCER_GRADE, "2", status=RowStatus.WITHDRAWN),
    )
    outcome = OutcomeRow(
        document="d", revision=1, status=OutcomeStatus.FOUND, source="s", software="0", recorded=NOW,
        rejected={"ungrounded": 2},
    )  # fmt: skip
    record_answers(metrics, Processed(outcome=outcome, rows=rows))
    said = metrics.exposed().decode()
    assert 'oncofhir_findings_total{answer="left",kind="tumor-laterality"} 1.0' in said
    assert 'oncofhir_findings_total{answer="positive",kind="hormone-receptor/ER"} 1.0' in said
    assert 'oncofhir_reports_answered_total{kind="tumor-laterality"} 1.0' in said
    assert 'oncofhir_rejected_findings_total{reason="ungrounded"} 2.0' in said
    assert 'oncofhir_finding_confidence_ratio_count{kind="tumor-laterality"} 1.0' in said
    assert "cancer-grade" not in said
