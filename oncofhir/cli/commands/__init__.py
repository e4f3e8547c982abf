"""One module per command, in the folders of the panels of `oncofhir --help`."""
