"""Commands that try oncofhir on reports, without a running installation."""
