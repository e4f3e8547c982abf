"""Logs and metrics of the service, without report text, names or identifiers."""
