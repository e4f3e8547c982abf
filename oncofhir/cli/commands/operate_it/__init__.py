"""Commands that check a running installation."""
