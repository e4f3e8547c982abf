"""What is wrong with a value, in words for the person who gave it: pydantic's errors without its prefixes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

_PREFIX = re.compile(r"(Value error|Assertion failed), ")
# "Input should be …", "URL input should be …", "String should have …", "List should have …"
_SHOULD = re.compile(r"(\w+ )?\w+ should (?=be|have|match|contain|not|only|start|end)")
# Why pydantic refuses it: who gave the value can see that.
_BECAUSE = re.compile(
    r", (unable to|got a number with) .*| after validation, not .*| or instance of \w+"
)
_IN_PLAIN_WORDS = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "a text",
    "a valid dictionary": "a table",
    "a valid tuple": "a list",
    "a valid ": "a ",
}
# Choices that are a pattern: "String should match pattern '^(DEBUG|INFO)$'".
_CHOICES = re.compile(r"match pattern '\^\(([\w.-]+(?:\|[\w.-]+)*)\)\$'")
_WHOLE = {"missing": "is missing", "extra_forbidden": "is not a known key"}


def plain_message(error: Mapping[str, Any]) -> str:
    """What one error of pydantic (of `ValidationError.errors()`) says: "must be at most 65535".

    It follows the name of the value. Errors of our own validators stay as they were raised. It holds no value
    unless the validator's own message does.
    """
    if error["type"] in _WHOLE:
        return _WHOLE[error["type"]]
    message = str(error["msg"])
    if prefix := _PREFIX.match(message):
        return message[prefix.end() :]
    if not (begin := _SHOULD.match(message)):
        return message
    message = "must " + _BECAUSE.sub("", message[begin.end() :])
    if found := _CHOICES.search(message):
        return f"must be {' or '.join(found[1].split('|'))}"
    for technical, plain in _IN_PLAIN_WORDS.items():
        message = message.replace(technical, plain)
    return message


def plain_messages(error: ValidationError) -> Iterator[str]:
    """Each error as "path.of.the.value: what is wrong with it"."""
    for each in error.errors(include_input=False, include_url=False):
        path = ".".join(str(part) for part in each["loc"])
        yield f"{path}: {plain_message(each)}" if path else plain_message(each)
