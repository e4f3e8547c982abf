-- One row per finding: the value, where the note says it, and the model that read it.
CREATE OR REPLACE TABLE omop.note_nlp AS
SELECT
    r.id AS note_nlp_id,
    n.id AS note_id,
    0 AS section_concept_id,
    left(f.evidence[1].text, 250) AS snippet,
    CAST(f.evidence[1].start AS VARCHAR) AS "offset",
    left(f.value, 250) AS lexical_variant,
    f.concept_id AS note_nlp_concept_id,
    f.source_concept_id AS note_nlp_source_concept_id,
    left(concat_ws(' ', f.model, f.model_digest, f.prompt_set, 'oncofhir', f.software), 250) AS nlp_system,
    CAST(f.asserted AS DATE) AS nlp_date,
    CAST(f.asserted AS TIMESTAMP) AS nlp_datetime,
    'Y' AS term_exists,
    'Present' AS term_temporal,
    left(concat_ws(', ', 'kind=' || f.kind, 'slot=' || f.slot, 'basis=' || f.basis,
                   'confidence=' || round(f.confidence, 3), 'reviewed=' || f.reviewed), 2000) AS term_modifiers
FROM omop_finding AS f
JOIN omop.row_id AS r ON r.cdm_table = 'note_nlp' AND r.key = f.finding
JOIN omop.row_id AS n ON n.cdm_table = 'note' AND n.key = f.document;
