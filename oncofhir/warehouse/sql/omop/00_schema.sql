-- OMOP CDM 5.4 tables in the schema `omop`, filled from the landed tables.
-- Sources: OHDSI, OMOP CDM v5.4 (columns); OHDSI Oncology WG, "Representation" (a cancer's modifiers are
-- measurements that point to their condition: field concept 1147127); OHDSI ETL-LambdaBuilder, "Note_NLP" (type
-- concepts 32858 NLP and 32831 EHR note of the vocabulary Type Concept).
CREATE SCHEMA IF NOT EXISTS omop;
CREATE TABLE IF NOT EXISTS omop.vocabulary_concept (
    concept_id BIGINT, vocabulary_id VARCHAR, concept_code VARCHAR, standard_concept VARCHAR, domain_id VARCHAR);
CREATE TABLE IF NOT EXISTS omop.vocabulary_maps_to (concept_id BIGINT, standard_concept_id BIGINT);
-- A person's id is the site's where it gives a map, else assigned here and kept.
CREATE TABLE IF NOT EXISTS omop.person_map (person_source_value VARCHAR PRIMARY KEY, person_id INTEGER);
-- Identifiers of CDM rows are integers: assigned once per key, and kept from run to run.
CREATE TABLE IF NOT EXISTS omop.row_id (cdm_table VARCHAR, key VARCHAR, id INTEGER, PRIMARY KEY (cdm_table, key));
CREATE OR REPLACE TABLE omop.code_system AS FROM (VALUES
    ('http://snomed.info/sct', 'SNOMED'),
    ('http://hl7.org/fhir/sid/icd-10-cm', 'ICD10CM'),
    ('http://loinc.org', 'LOINC'),
    ('http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl', 'NCIt'),
    ('http://unitsofmeasure.org', 'UCUM')) AS s(system, vocabulary_id);
-- What is measured, by kind and slot: the codes of Observation.code in the FHIR output.
CREATE OR REPLACE TABLE omop.measured AS FROM (VALUES
    ('tumor-size', NULL, 'http://loinc.org', '21889-1'),
    ('cancer-grade', NULL, 'http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl', 'C18000'),
    ('histological-type', NULL, 'http://loinc.org', '31206-6'),
    ('hormone-receptor', 'ER', 'http://loinc.org', '16112-5'),
    ('hormone-receptor', 'PR', 'http://loinc.org', '16113-3'),
    ('hormone-receptor', 'HER2', 'http://loinc.org', '48676-1'),
    ('cancer-stage', 't', 'http://snomed.info/sct', '78873005'),
    ('cancer-stage', 'n', 'http://snomed.info/sct', '277206009'),
    ('cancer-stage', 'm', 'http://snomed.info/sct', '277208005'),
    ('cancer-stage', 'group', 'http://snomed.info/sct', '399390009'),
    ('tumor-laterality', NULL, NULL, NULL)) AS m(kind, slot, system, code);
