"""Measures what the pipeline finds against labelled reports: `oncofhir evaluate`."""
