"""One invented report through a running installation: `oncofhir smoke-test`."""
