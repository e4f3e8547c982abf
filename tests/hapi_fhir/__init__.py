"""HAPI FHIR's JPA server for tests: what many hospitals run."""
