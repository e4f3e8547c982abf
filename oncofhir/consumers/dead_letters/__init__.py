"""Dead letters: the message, the writer, the limit, listing and replay."""
