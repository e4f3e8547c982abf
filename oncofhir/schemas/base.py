"""The base of every value that flows between rooms."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value object; unknown fields are refused and inputs are hidden from its errors.

    `hide_input_in_errors` keeps report text out of pydantic's messages (design, promise 7).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
