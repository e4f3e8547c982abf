"""How a running installation fares: what its workers and topics show, and what to do."""
