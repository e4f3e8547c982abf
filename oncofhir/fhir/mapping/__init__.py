"""Mapping: FHIR resources and rows of an extraction. Pure."""
