"""Checks of the container image without a container engine: `python -m image.check`."""
