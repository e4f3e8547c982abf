"""A value at a place in a text."""

from oncofhir.schemas.base import Value


class Mention(Value):
    """`value` is the normal form; `start` and `end` are code-point offsets of the words it came from.

    For a size `number` and `dimensions` are in mm.
    """

    value: str
    start: int
    end: int
    slot: str | None = None
    number: float | None = None
    dimensions: tuple[float, ...] = ()
    scheme: str | None = None

    @property
    def key(self) -> tuple[str | None, str]:
        """What makes two mentions say the same."""
        return (self.slot, self.value)
