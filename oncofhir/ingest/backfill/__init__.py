"""Backfill: an EHR's history from files, a bulk export or a search onto the backfill topics, resumable."""
