-- One note per document with findings. Its text stays in the clinical data store: note_text is empty.
CREATE OR REPLACE TABLE omop.note AS
SELECT
    r.id AS note_id,
    any_value(p.person_id) AS person_id,
    min(f.event_date) AS note_date,
    CAST(NULL AS TIMESTAMP) AS note_datetime,
    32831 AS note_type_concept_id,  -- EHR note (vocabulary Type Concept)
    0 AS note_class_concept_id,
    CAST(NULL AS VARCHAR) AS note_title,
    '' AS note_text,
    0 AS encoding_concept_id,
    0 AS language_concept_id,
    CAST(NULL AS INTEGER) AS provider_id,
    CAST(NULL AS INTEGER) AS visit_occurrence_id,
    CAST(NULL AS INTEGER) AS visit_detail_id,
    left(any_value(f.source), 50) AS note_source_value,
    CAST(NULL AS BIGINT) AS note_event_id,
    CAST(NULL AS INTEGER) AS note_event_field_concept_id
FROM omop_finding AS f
JOIN omop.row_id AS r ON r.cdm_table = 'note' AND r.key = f.document
JOIN omop.person_map AS p ON p.person_source_value = f.subject
GROUP BY r.id;
