"""Everything encrypted: Kafka with TLS and SCRAM, HAPI FHIR and a model server on a GPU, each behind TLS."""
