"""Probes, gauges, the progress log and the checks before the worker starts."""
