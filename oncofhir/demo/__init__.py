"""The demo: embedded broker, FHIR server and model server, and the real worker."""
