-- One row per tumour and report. `confidence` is the lowest of the tumour's findings.
CREATE OR REPLACE VIEW tumors AS
SELECT
    document,
    coalesce(lesion, part, '') AS tumor,
    max(part) AS part,
    any_value(subject) AS subject,
    any_value(source) AS source,
    max(value) FILTER (kind = 'diagnosis') AS diagnosis,
    max(value) FILTER (kind = 'tumor-site') AS site,
    max(value) FILTER (kind = 'tumor-laterality') AS laterality,
    max(value) FILTER (kind = 'histological-type') AS histology,
    max(value) FILTER (kind = 'cancer-grade') AS grade,
    max(value) FILTER (kind = 'cancer-stage' AND slot = 't') AS t,
    max(value) FILTER (kind = 'cancer-stage' AND slot = 'n') AS n,
    max(value) FILTER (kind = 'cancer-stage' AND slot = 'm') AS m,
    max(value) FILTER (kind = 'cancer-stage' AND slot = 'group') AS stage_group,
    max(number) FILTER (kind = 'tumor-size') AS size_mm,
    max(value) FILTER (kind = 'hormone-receptor' AND slot = 'ER') AS er,
    max(value) FILTER (kind = 'hormone-receptor' AND slot = 'PR') AS pr,
    max(value) FILTER (kind = 'hormone-receptor' AND slot = 'HER2') AS her2,
    min(confidence) AS confidence,
    bool_and(reviewed) AS reviewed,
    count(*) AS findings,
    max(effective) AS effective,
    any_value(model) AS model,
    max(asserted) AS asserted
FROM findings
GROUP BY document, coalesce(lesion, part, '');
