"""Attachments as text: one module a content type.

What `Segment.attachment_start` counts in is the attachment's own decoded text:

- text/plain and text/markdown: the characters that the bytes stand for, as they are;
- HTML and XHTML: the visible text, white space collapsed as a browser does, blocks on lines of their own,
  table cells divided by tabs;
- RTF, PDF, DOCX: the text that the library extracts, pages and paragraphs on lines of their own; a PDF's form
  fields stand beside their labels, a box as U+2612 or U+2610;
- CDA and other XML: titles and narrative of the sections in order; a non-XML body's own decoded text.

In all of them NUL and lone surrogates, which neither FHIR nor UTF-8 can carry, stand as U+FFFD.
"""
