"""The language model: prompt sets, adapters, and what is made of its answers. Knows no FHIR."""
