"""Errors of other libraries in words for people, without addresses, text or identifiers."""
