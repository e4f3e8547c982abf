-- The findings with their person, dates and best coding: a coding with a standard concept before one without.
CREATE OR REPLACE TEMP TABLE omop_finding AS
WITH coded AS (
    SELECT finding, c.system, c.code, m.source_concept_id, m.concept_id,
           row_number() OVER (
               PARTITION BY finding
               ORDER BY (m.concept_id <> 0) DESC, (c.system = 'http://hl7.org/fhir/sid/icd-10-cm') DESC, c.code
           ) AS rank
    FROM (SELECT finding, unnest(codings) AS c FROM findings)
    LEFT JOIN omop.mapping AS m ON m.system = c.system AND m.code = c.code)
SELECT f.*, coded.code AS source_code,
       coalesce(coded.source_concept_id, 0) AS source_concept_id,
       coalesce(coded.concept_id, 0) AS concept_id,
       coalesce(try_cast(left(f.effective, 10) AS DATE), CAST(f.asserted AS DATE)) AS event_date
FROM findings AS f LEFT JOIN coded ON coded.finding = f.finding AND coded.rank = 1;

INSERT INTO omop.person_map
SELECT subject, (SELECT coalesce(max(person_id), 0) FROM omop.person_map) + row_number() OVER (ORDER BY subject)
FROM (SELECT DISTINCT subject FROM phenotypes)
WHERE subject NOT IN (SELECT person_source_value FROM omop.person_map);

INSERT INTO omop.row_id
SELECT cdm_table, key,
       (SELECT coalesce(max(id), 0) FROM omop.row_id AS known WHERE known.cdm_table = wanted.cdm_table)
       + row_number() OVER (PARTITION BY cdm_table ORDER BY key)
FROM (
    SELECT DISTINCT 'note' AS cdm_table, document AS key FROM phenotypes
    UNION ALL SELECT 'note_nlp', finding FROM omop_finding
    UNION ALL SELECT 'condition_occurrence', finding FROM omop_finding WHERE kind = 'diagnosis'
    UNION ALL SELECT 'measurement', finding FROM omop_finding
              WHERE kind IN (SELECT kind FROM omop.measured)) AS wanted
WHERE NOT EXISTS (SELECT 1 FROM omop.row_id AS r WHERE r.cdm_table = wanted.cdm_table AND r.key = wanted.key);
