"""The lesions of a report with their attributes."""
