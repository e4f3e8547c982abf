-- One row per modifier of a cancer; it points to the diagnosis of the same tumour in the same document.
CREATE OR REPLACE TABLE omop.measurement AS
WITH diagnosis AS (
    SELECT document, coalesce(lesion, part, '') AS tumor, min(r.id) AS condition_occurrence_id, count(*) AS diagnoses
    FROM omop_finding JOIN omop.row_id AS r ON r.cdm_table = 'condition_occurrence' AND r.key = finding
    WHERE kind = 'diagnosis'
    GROUP BY document, coalesce(lesion, part, ''))
SELECT
    r.id AS measurement_id,
    p.person_id,
    coalesce(measured.concept_id, 0) AS measurement_concept_id,
    f.event_date AS measurement_date,
    CAST(NULL AS TIMESTAMP) AS measurement_datetime,
    CAST(NULL AS VARCHAR) AS measurement_time,
    32858 AS measurement_type_concept_id,  -- NLP (vocabulary Type Concept)
    CAST(NULL AS INTEGER) AS operator_concept_id,
    f.number AS value_as_number,
    CASE WHEN f.number IS NULL THEN f.concept_id END AS value_as_concept_id,
    CASE WHEN f.unit IS NOT NULL THEN coalesce(unit.concept_id, 0) END AS unit_concept_id,
    CAST(NULL AS DOUBLE) AS range_low,
    CAST(NULL AS DOUBLE) AS range_high,
    CAST(NULL AS INTEGER) AS provider_id,
    CAST(NULL AS INTEGER) AS visit_occurrence_id,
    CAST(NULL AS INTEGER) AS visit_detail_id,
    left(coalesce(m.code, f.kind), 50) AS measurement_source_value,
    coalesce(measured.source_concept_id, 0) AS measurement_source_concept_id,
    f.unit AS unit_source_value,
    CASE WHEN f.unit IS NOT NULL THEN coalesce(unit.source_concept_id, 0) END AS unit_source_concept_id,
    left(f.value, 50) AS value_source_value,
    CAST(d.condition_occurrence_id AS BIGINT) AS measurement_event_id,
    CASE WHEN d.condition_occurrence_id IS NOT NULL THEN 1147127 END AS meas_event_field_concept_id
FROM omop_finding AS f
JOIN omop.measured AS m ON m.kind = f.kind AND m.slot IS NOT DISTINCT FROM f.slot
JOIN omop.row_id AS r ON r.cdm_table = 'measurement' AND r.key = f.finding
JOIN omop.person_map AS p ON p.person_source_value = f.subject
LEFT JOIN omop.mapping AS measured ON measured.system = m.system AND measured.code = m.code
LEFT JOIN omop.mapping AS unit ON unit.system = 'http://unitsofmeasure.org' AND unit.code = f.unit
LEFT JOIN diagnosis AS d
    ON d.document = f.document AND d.tumor = coalesce(f.lesion, f.part, '') AND d.diagnoses = 1;
