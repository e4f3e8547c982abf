"""FHIR: reads reports and writes findings. Independent of any language model."""
