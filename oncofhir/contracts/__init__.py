"""Published contracts of the output topics (JSON Schema, Avro, AsyncAPI), generated from `schemas`."""
