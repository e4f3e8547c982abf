"""FHIR: reading reports in, writing findings out; knows no language model."""
