"""The state of a running installation, from its workers and topics, and what to do about problems."""
