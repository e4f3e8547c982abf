"""OMOP CDM 5.4 tables from the landed tables."""
