"""Workarounds for kafka-python 3.0.12, one module a bug; each says how to see whether it is still needed."""
