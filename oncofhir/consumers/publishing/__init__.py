"""Messages for the output topics and for the input topics."""
