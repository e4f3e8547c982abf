-- One row per diagnosis that stands.
CREATE OR REPLACE TABLE omop.condition_occurrence AS
SELECT
    r.id AS condition_occurrence_id,
    p.person_id,
    f.concept_id AS condition_concept_id,
    f.event_date AS condition_start_date,
    CAST(NULL AS TIMESTAMP) AS condition_start_datetime,
    CAST(NULL AS DATE) AS condition_end_date,
    CAST(NULL AS TIMESTAMP) AS condition_end_datetime,
    32858 AS condition_type_concept_id,  -- NLP (vocabulary Type Concept)
    0 AS condition_status_concept_id,
    CAST(NULL AS VARCHAR) AS stop_reason,
    CAST(NULL AS INTEGER) AS provider_id,
    CAST(NULL AS INTEGER) AS visit_occurrence_id,
    CAST(NULL AS INTEGER) AS visit_detail_id,
    left(coalesce(f.source_code, f.value), 50) AS condition_source_value,
    f.source_concept_id AS condition_source_concept_id,
    CASE WHEN f.reviewed THEN 'confirmed' ELSE 'unreviewed' END AS condition_status_source_value
FROM omop_finding AS f
JOIN omop.row_id AS r ON r.cdm_table = 'condition_occurrence' AND r.key = f.finding
JOIN omop.person_map AS p ON p.person_source_value = f.subject
WHERE f.kind = 'diagnosis';
