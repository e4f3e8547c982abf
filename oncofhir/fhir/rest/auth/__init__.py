"""Authorization of requests to a FHIR server: bearer tokens and SMART Backend Services."""
