"""Erases what this service has stored of one patient."""
