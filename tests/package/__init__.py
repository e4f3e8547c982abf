"""Builds the wheel and the sdist, installs the wheel in a clean environment, and uses it there: `make package-check`."""
