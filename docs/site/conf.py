"""Configuration of Sphinx; `docs.site.staging` lays out what it reads."""

from oncofhir import __version__

project = "oncofhir"
author = "the authors of oncofhir"
copyright = "the authors of oncofhir. Apache-2.0"  # noqa: A001 (Sphinx' name)
version = release = __version__
root_doc = "README"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
# As on GitHub, where the same pages are read: headings can be linked to, and only links are links.
myst_heading_anchors = 4
myst_enable_extensions: list[str] = []
nitpicky = True
highlight_language = "none"
html_theme = "furo"
html_title = f"oncofhir {__version__}"
html_copy_source = False
html_show_sphinx = False
# External links are checked only where the internet is reachable: ARGS=--external-links.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r".*\.example(\.org|\.com)?([:/].*)?$", r"https?://(localhost|127\.0\.0\.1)"]
