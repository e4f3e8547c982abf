"""Traces: the context that headers carry, and the interface of a tracer."""
