"""Checks of the Helm chart: `python -m helm.check` (see `make helm-check`)."""
