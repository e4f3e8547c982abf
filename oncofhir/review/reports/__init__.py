"""A report as a reviewer sees it."""
