-- Source and standard concept of each code in the rows; 0 where the site's vocabulary has none.
CREATE OR REPLACE TABLE omop.mapping AS
WITH codes AS (
    SELECT DISTINCT c.system, c.code FROM findings, unnest(codings) AS u(c)
    UNION
    SELECT system, code FROM omop.measured WHERE code IS NOT NULL
    UNION
    SELECT 'http://unitsofmeasure.org', unit FROM findings WHERE unit IS NOT NULL)
SELECT
    codes.system,
    codes.code,
    coalesce(min(source.concept_id), 0) AS source_concept_id,
    coalesce(
        min(source.concept_id) FILTER (source.standard_concept = 'S'),
        min(maps.standard_concept_id),
        0) AS concept_id
FROM codes
LEFT JOIN omop.code_system USING (system)
LEFT JOIN omop.vocabulary_concept AS source
    ON source.vocabulary_id = code_system.vocabulary_id AND source.concept_code = codes.code
LEFT JOIN omop.vocabulary_maps_to AS maps ON maps.concept_id = source.concept_id
GROUP BY codes.system, codes.code;
CREATE OR REPLACE TABLE omop.unmapped AS
SELECT m.system, m.code, count(f.finding) AS findings
FROM omop.mapping AS m
LEFT JOIN (SELECT finding, unnest(codings) AS c FROM findings) AS f ON f.c.system = m.system AND f.c.code = m.code
WHERE m.concept_id = 0
GROUP BY m.system, m.code
ORDER BY m.system, m.code;
