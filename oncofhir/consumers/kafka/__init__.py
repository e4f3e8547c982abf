"""Everything that talks to the broker: connection, publisher, readers, topics."""
