"""A schema registry: registers the schemas of rows, and reads and writes rows in Avro with its framing."""
