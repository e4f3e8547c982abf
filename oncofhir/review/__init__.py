"""What a person says of a finding: the worklist, the verdicts as FHIR, and edits that others make."""
