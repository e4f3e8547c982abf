"""What a human says with another FHIR client: a plain PUT or DELETE reaches topic, table and worklist."""

import threading

from oncofhir.consumers.kafka.assigned_reader import assigned_reader
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeStatus, ReviewStatus, RowOperation
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.review import Confirm, ReviewReason
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.sink import Sink
from oncofhir.warehouse.landing.tables import landed_tables
from tests.builders import BREAST
from tests.integration.fhir.document_store import ANSWERS
from tests.integration.fhir.review_bench import reviewed

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def refuted(condition):
    status = {"coding": [{"system": VERIFICATION, "code": "refuted"}]}
    return condition | {"verificationStatus": status}


def sized(observation, value, unit="cm"):
    first, *_ = observation["component"]
    quantity = {"value": value, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"}
    return observation | {
        "status": "corrected",
        "component": [first | {"valueQuantity": quantity}],
    }


def landed(bench, folder):
    tables, decoder = landed_tables(bench.settings.kafka), RowDecoder.of(bench.settings.kafka)
    with assigned_reader(bench.settings.kafka, "sink") as reader:
        landing = DuckDbLanding.open(folder / "w.duckdb", tables)
        try:
            Sink(reader, landing, tables, decoder).run(threading.Event(), once=True)
            found = landing.connection.execute(
                "SELECT kind, value, status, review_status, reviewed FROM phenotypes"
            ).fetchall()
        finally:
            landing.close()
    return {kind: rest for kind, *rest in found}


@reviewed
async def test_a_refuted_condition_and_a_corrected_size_arrive_with_one_pass(bench):
    diagnosis, size = await bench.item(Kind.DIAGNOSIS), await bench.item(Kind.TUMOR_SIZE)
    condition = refuted(bench.get(diagnosis.resource))
    condition["asserter"] = {"reference": "Practitioner/weber"}
    bench.put(condition)
    bench.put(sized(bench.get(size.resource), 4.1))
    counts = await bench.watcher.run_once()
    assert (counts.edited, counts.rows) == (2, 4), "diagnosis, site, side; size"

    rows = {row.kind: row for row in bench.rows()}
    assert set(rows) == {
        Kind.DIAGNOSIS,
        Kind.TUMOR_SITE,
        Kind.TUMOR_LATERALITY,
        Kind.TUMOR_SIZE,
    }
    assert rows[Kind.DIAGNOSIS].operation is RowOperation.RETRACT
    assert rows[Kind.DIAGNOSIS].review_status is ReviewStatus.REFUTED
    assert rows[Kind.DIAGNOSIS].reviewer == "Practitioner/weber"
    assert (rows[Kind.TUMOR_SIZE].value, rows[Kind.TUMOR_SIZE].number) == ("41 mm", 41)
    assert rows[Kind.TUMOR_SIZE].review_status is ReviewStatus.CORRECTED
    assert rows[Kind.TUMOR_SIZE].reviewed_at is not None

    table = landed(bench, bench.settings.worklist.index_file.parent)
    assert table["diagnosis"] == ["breast cancer", "withdrawn", "refuted", True]
    assert table["tumor-size"] == ["41 mm", "human-edited", "corrected", True]

    assert (await bench.item(Kind.DIAGNOSIS)).review is ReviewStatus.REFUTED
    assert (await bench.item(Kind.TUMOR_SIZE)).value == "41 mm"
    assert (await bench.item(Kind.TUMOR_SIZE)).reasons == ()


@reviewed
async def test_nothing_is_published_that_did_not_change(bench):
    size = await bench.item(Kind.TUMOR_SIZE)
    bench.put(sized(bench.get(size.resource), 4.1))
    await bench.watcher.run_once()
    before = len(bench.rows())
    bench.put(bench.get(size.resource))
    noted = bench.get(size.resource)
    noted["note"] = [*noted["note"], {"text": "seen in the tumour board"}]
    bench.put(noted)
    for _ in range(3):
        counts = await bench.watcher.run_once()
        assert counts.rows == 0
    assert len(bench.rows()) == before == 1


@reviewed
async def test_what_was_deleted_elsewhere_is_retracted(bench):
    item = await bench.item(Kind.HORMONE_RECEPTOR, "ER")
    bench.delete(item.resource)
    await bench.watcher.run_once()
    (row,) = bench.rows()
    assert (row.slot, row.operation) == ("ER", RowOperation.RETRACT)
    assert row.review_status is ReviewStatus.DELETED
    assert (await bench.watcher.run_once()).rows == 0
    await bench.store(BREAST, "2")
    assert bench.http.get(f"{bench.base_url}/{item.resource}").status_code == 410


@reviewed
async def test_an_edit_that_is_no_verdict_is_listed_and_not_published(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    observation = bench.get(item.resource)
    observation["note"] = [{"text": "what is this?"}]
    bench.put(observation)
    await bench.watcher.run_once()
    after = await bench.item(Kind.TUMOR_SIZE)
    assert ReviewReason.EDITED in after.reasons
    assert after.review is ReviewStatus.UNREVIEWED
    assert bench.rows() == []


@reviewed
async def test_who_put_the_status_back_takes_the_verdict_back(bench):
    item = await bench.item(Kind.DIAGNOSIS)
    machines = bench.get(item.resource)
    await bench.decide(Confirm(finding=item.finding))
    bench.put({k: v for k, v in machines.items() if k != "meta"} | {"meta": {"profile": []}})
    await bench.watcher.run_once()
    after = await bench.item(Kind.DIAGNOSIS)
    assert after.review is ReviewStatus.UNREVIEWED
    assert bench.rows()[-1].review_status is ReviewStatus.UNREVIEWED


@reviewed
async def test_a_run_and_an_amended_report_overwrite_nothing_of_a_reviewer(bench):
    diagnosis, size = await bench.item(Kind.DIAGNOSIS), await bench.item(Kind.TUMOR_SIZE)
    await bench.decide(Confirm(finding=diagnosis.finding))
    bench.put(sized(bench.get(size.resource), 4.1))
    await bench.watcher.run_once()
    stored = {ref: bench.get(ref) for ref in (diagnosis.resource, size.resource)}

    amended = BREAST.replace("2.3 x 1.8 x 1.5 cm", "1.1 cm").replace("ductal", "lobular")
    answers = ANSWERS | {
        "tumor size": "1.1 cm",
        "histological type": "invasive lobular carcinoma",
        "diagnosis": "lobular breast cancer",
    }
    processed = await bench.store(amended, "2", answers)
    assert {ref: bench.get(ref) for ref in stored} == stored
    rows = {(row.kind, row.slot): row for row in processed.rows}
    assert rows[Kind.TUMOR_SIZE, None].value == "41 mm"
    assert rows[Kind.TUMOR_SIZE, None].review_status is ReviewStatus.CORRECTED
    assert rows[Kind.DIAGNOSIS, None].value == "breast cancer"
    assert rows[Kind.DIAGNOSIS, None].review_status is ReviewStatus.CONFIRMED
    assert rows[Kind.HISTOLOGICAL_TYPE, None].value == "invasive lobular carcinoma"

    assert (await bench.watcher.run_once()).rows == 0
    for kind in (Kind.DIAGNOSIS, Kind.TUMOR_SIZE):
        assert ReviewReason.OUTDATED in (await bench.item(kind)).reasons, kind
    view = await bench.page.report(size.document)
    finding = next(f for f in view.findings if f.item.finding == size.finding)
    assert (finding.machine.value, finding.current.value) == ("11 mm", "41 mm")
    await bench.decide(Confirm(finding=size.finding))
    assert ReviewReason.OUTDATED not in (await bench.item(Kind.TUMOR_SIZE)).reasons


@reviewed
async def test_a_retracted_report_brings_a_confirmed_finding_up_again(bench):
    diagnosis = await bench.item(Kind.DIAGNOSIS)
    await bench.decide(Confirm(finding=diagnosis.finding))
    head = await bench.head()
    version = SourceVersion(version="9", status="entered-in-error")
    processed = await bench.repository.retract(head.source, version, Reason.ENTERED_IN_ERROR, head)
    assert processed.outcome.status is OutcomeStatus.RETRACTED
    await bench.watcher.run_once()
    assert (await bench.item(Kind.DIAGNOSIS)).reasons == (ReviewReason.OUTDATED,)
    assert await bench.item(Kind.TUMOR_SIZE) is None, "withdrawn, and nobody had reviewed it"
    assert bench.get(diagnosis.resource)["verificationStatus"]["coding"][0]["code"] == "confirmed"


@reviewed
async def test_a_store_that_was_restored_does_not_flood_the_topic(bench):
    """Every resource is written again with its earlier content, as after a restore from a backup."""
    size = await bench.item(Kind.TUMOR_SIZE)
    head = await bench.head()
    references = [*head.references, f"Task/{head.id}"]
    backup = {reference: bench.get(reference) for reference in references}
    bench.put(sized(bench.get(size.resource), 4.1))
    await bench.watcher.run_once()
    published = len(bench.rows())

    for resource in backup.values():
        bench.put(resource)
    for _ in range(2):
        assert (await bench.watcher.run_once()).rows == 0
    assert len(bench.rows()) == published
    assert (await bench.item(Kind.TUMOR_SIZE)).review is ReviewStatus.UNREVIEWED

    bench.put(sized(bench.get(size.resource), 5.5))
    await bench.watcher.run_once()
    last, earlier = bench.rows()[-1], bench.rows()[-2]
    assert (last.value, last.revision > earlier.revision) == ("55 mm", True)


@reviewed
async def test_an_index_that_was_deleted_is_rebuilt_and_publishes_nothing(bench):
    size = await bench.item(Kind.TUMOR_SIZE)
    bench.put(sized(bench.get(size.resource), 4.1))
    await bench.watcher.run_once()
    published = len(bench.rows())
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (bench.settings.worklist.index_file.parent / name).unlink(missing_ok=True)
    async with bench.review():
        assert (await bench.item(Kind.TUMOR_SIZE)).value == "41 mm"
        assert len(bench.rows()) == published


@reviewed
async def test_rows_that_the_broker_did_not_take_are_published_by_the_next_pass(bench):
    size = await bench.item(Kind.TUMOR_SIZE)
    head = await bench.head()
    await bench.decide(Confirm(finding=size.finding))
    assert len(bench.rows()) == 1
    # As if the process had ended between the store's answer and the broker's.
    bench.index.intend_to_publish(head.document, head.revision)
    assert (await bench.watcher.run_once()).published == 1
    assert (await bench.watcher.run_once()).published == 0
    assert [row.revision for row in bench.rows()] == [2, 2]
