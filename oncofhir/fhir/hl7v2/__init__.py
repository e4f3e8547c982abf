"""HL7 v2 messages to FHIR, as HL7's guide maps them: http://hl7.org/fhir/uv/v2mappings/STU1."""
