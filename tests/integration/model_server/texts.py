"""The demo's reports, as texts that servers are compared on."""

from oncofhir.demo.reports import demo_reports

ALL_TEXTS = {report.id: report.text for report in demo_reports() if report.text}
TEXTS = dict(list(ALL_TEXTS.items())[:6])
