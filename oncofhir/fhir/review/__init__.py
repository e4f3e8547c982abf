"""A human's review in FHIR: what the head keeps of it, how a verdict is written and an edit is read."""
