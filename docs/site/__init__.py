"""The documentation site: `python -m docs.site` builds it from the pages of the repository (`make docs`)."""
