"""Bulk Data exports of a server: the job, its files, and the source that they are."""
