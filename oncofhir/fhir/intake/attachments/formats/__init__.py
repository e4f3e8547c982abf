"""One module for each format that attachments come in, from bytes to text."""
