"""The demo's account on a narrow terminal: no word is broken."""

import io

from rich.console import Console

from oncofhir.demo.tables import others

RECORD = "fhir.diagnostic-report/2/5"


def shown(width):
    written = io.StringIO()
    Console(width=width, file=written).print(others((), {RECORD: "not-json"}, width))
    return written.getvalue()


def test_names_stand_whole_in_80_columns_and_in_160():
    for width in (80, 160):
        said = shown(width)
        assert RECORD in said
        assert "dead-lettered" in said
        assert "not-json" in said
