"""Messages for people: the words of pydantic that say nothing to them are gone."""

import re
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from oncofhir.schemas.error_messages.validation import plain_messages


class Inner(BaseModel):
    pass


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    port: Annotated[int, Field(ge=1, le=65535)] = 1
    share: Annotated[float, Field(gt=0)] = 1
    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("x",)
    word: Annotated[str, Field(min_length=2, pattern=r"^\w+$")] = "xx"
    is_on: bool = False
    choice: Literal["a", "b"] = "a"
    level: Annotated[str, Field(pattern="^(LOW|HIGH)$")] = "LOW"
    inner: Inner = Inner()
    table: dict[str, int] = {}

    @field_validator("table")
    @classmethod
    def _few(cls, table: dict[str, int]) -> dict[str, int]:
        if len(table) > 1:
            raise ValueError("at most one entry is needed")
        return table


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": 0}, "port: must be at least 1"),
        ({"port": 99999}, "port: must be at most 65535"),
        ({"port": "x"}, "port: must be a whole number"),
        ({"port": 1.5}, "port: must be a whole number"),
        ({"share": 0}, "share: must be greater than 0"),
        ({"share": "x"}, "share: must be a number"),
        ({"names": ()}, "names: must have at least 1 item"),
        ({"names": 3}, "names: must be a list"),
        ({"word": "x"}, "word: must have at least 2 characters"),
        ({"is_on": "maybe"}, "is_on: must be true or false"),
        ({"choice": "c"}, "choice: must be 'a' or 'b'"),
        ({"table": 1}, "table: must be a table"),
        ({"table": {"x": "y"}}, "table.x: must be a whole number"),
        ({"table": {"x": 1, "y": 2}}, "table: at most one entry is needed"),
        ({"level": "loud"}, "level: must be LOW or HIGH"),
        ({"inner": 1}, "inner: must be a table"),
        ({"other": 1}, "other: is not a known key"),
    ],
)
def test_each_kind_of_error(given, message):
    with pytest.raises(ValidationError) as raised:
        Example.model_validate(given)
    assert list(plain_messages(raised.value)) == [message]


@given(
    st.dictionaries(
        st.sampled_from(sorted(Example.model_fields)),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.floats(),
    )
)
def test_no_prefix_of_pydantic_is_left(values):
    try:
        Example.model_validate(values)
    except ValidationError as error:
        for message in plain_messages(error):
            assert not re.search(r"Value error|Input should|should be|unable to", message), message
