"""Finds one patient in the topics, and erases the rows of the patient by tombstones."""
