"""Follows the store: edits that were made with other FHIR clients."""
