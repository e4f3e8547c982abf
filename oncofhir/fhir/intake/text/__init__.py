"""What the text of a report says of itself: its language, and whether it is of oncology."""
