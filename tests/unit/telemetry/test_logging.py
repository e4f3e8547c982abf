"""Nothing that may hold PHI gets into a log line."""

import json
import logging
from io import StringIO

import pytest
import structlog

from oncofhir.settings import LogSettings
from oncofhir.telemetry.logging import configure

CANARY = "CANARY-Jane-Doe"


@pytest.fixture
def output():
    out = StringIO()
    configure(LogSettings(level="DEBUG", format="json"), out)
    return out


def fail():
    raise ValueError(CANARY)


def lines(output):
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_an_exception_is_its_type_and_its_place(output):
    log = structlog.get_logger("test")
    try:
        fail()
    except ValueError:
        log.exception("it failed", offset=3)
    (line,) = lines(output)
    assert line["message"] == "it failed"
    assert line["error"] == "ValueError"
    assert line["at"].split(":")[0].endswith("test_logging.py")
    assert line["offset"] == 3
    assert line["level"] == "error"
    assert CANARY not in output.getvalue()


def test_libraries_say_where_and_what_kind_but_not_what(output):
    library = logging.getLogger("kafka.consumer")
    library.error("failed for %s", CANARY)
    library.error(f"failed for {CANARY}")
    library.info("ordinary talk about %s", CANARY)
    try:
        fail()
    except ValueError:
        library.exception("failed for %s", CANARY)
    said = lines(output)
    assert [line["message"] for line in said] == [
        "kafka.consumer: failed for %s",
        "kafka.consumer: error (message withheld)",
        "kafka.consumer: failed for %s",
    ]
    assert said[2]["error"] == "ValueError"
    assert CANARY not in output.getvalue()


def test_the_same_complaint_comes_once_a_minute(output):
    for n in range(50):
        logging.getLogger("kafka.net").warning("connection %s failed", n)
    assert len(lines(output)) == 1


def test_the_level_is_that_of_the_settings():
    out = StringIO()
    configure(LogSettings(level="WARNING", format="json"), out)
    structlog.get_logger("test").info("quiet")
    structlog.get_logger("test").warning("loud")
    assert [line["message"] for line in lines(out)] == ["loud"]


def test_the_console_form_is_for_people():
    out = StringIO()
    configure(LogSettings(format="console"), out)
    structlog.get_logger("test").info("hello", n=1)
    assert "hello" in out.getvalue()
    assert not out.getvalue().startswith("{")
