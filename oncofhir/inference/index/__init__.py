"""A report with what is looked up in it again and again."""
