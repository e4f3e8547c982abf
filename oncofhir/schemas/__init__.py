"""The values that the packages exchange: frozen pydantic models, typed errors, reason codes.

This package imports no other package of oncofhir.
"""
