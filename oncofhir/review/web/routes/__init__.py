"""The routes of the page, one module for each."""
