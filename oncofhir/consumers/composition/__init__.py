"""Dependency wiring: builds the parts of the service from the settings."""
