"""Attachments as text.

`Segment.attachment_start` counts in the attachment's own decoded text, which is:

- text/plain and text/markdown: the characters of the bytes, unchanged;
- HTML and XHTML: the visible text and the values of form fields, white space collapsed, blocks on
  lines of their own;
- RTF and DOCX: one paragraph per line; footnotes, comments and text boxes behind the text of their document;
- PDF: the text layer of the pages, values of form fields next to their labels (a box as U+2612 or U+2610),
  the words of annotations at the end of their page, embedded files behind the pages;
- CDA and other XML: titles and narrative of the sections in order; a non-XML body's own decoded text.

Table cells are divided by tabs. What an author took back (deleted, moved away, struck out) or hid is left out
of every format alike. NUL and lone surrogates, which neither FHIR nor UTF-8 can carry, become U+FFFD.

What is wrapped around a document is taken off: gzip (all members), base64 within base64, a FHIR Binary.
"""
