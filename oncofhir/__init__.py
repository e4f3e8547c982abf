"""oncofhir: coded, traceable FHIR from cancer reports, made by a language model."""

from importlib.metadata import version

__version__ = version("oncofhir")
