"""The poll thread and what it decides: consumer group, offsets, backpressure, backfill."""
