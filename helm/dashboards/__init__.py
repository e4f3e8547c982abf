"""Writes the Grafana dashboards of the chart: `python -m helm.dashboards`."""
