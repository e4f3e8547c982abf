"""How reports reach Kafka: FHIR Subscriptions, HL7 v2 and the history of an EHR."""
