"""The base class of all values that the packages exchange."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value object. It refuses unknown fields, and its errors do not quote the input.

    `hide_input_in_errors` keeps report text out of pydantic's messages (design, promise 7).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StoredValue(Value):
    """A value that is stored or published. Fields that a later version added are ignored.

    A worker of this version thus reads what a newer one wrote, during a rolling upgrade and after a rollback.
    """

    model_config = ConfigDict(extra="ignore")
