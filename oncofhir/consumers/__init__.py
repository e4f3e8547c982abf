"""Kafka: source, scheduler, offsets, dead letters, publisher, worker; and the envelopes of records."""
