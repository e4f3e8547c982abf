"""The structure of a report, as mentions, retrieval and the review page share it.

All offsets are code points of `Report.text`, end exclusive.
"""

from enum import StrEnum

from oncofhir.schemas.base import Value


class OptionState(StrEnum):
    """Whether a form's option is chosen. A choice list that nobody filled in chooses none."""

    CHOSEN = "chosen"
    NOT_CHOSEN = "not-chosen"


class FormOption(Value):
    """An option of a form ("[x] Positive"): the stretch from its mark to the next option."""

    start: int
    end: int
    state: OptionState


class TableCell(Value):
    """A cell of a table: its stretch, the text of its column's header, and its row, counted from 0."""

    start: int
    end: int
    header: str
    row: int


class ListItem(Value):
    """A numbered problem ("1.", "(a)") or another item of a list that concerns one thing."""

    label: str
    start: int
    end: int


class StruckReason(StrEnum):
    """Why a stretch states nothing of the patient."""

    OPTION_NOT_CHOSEN = "option-not-chosen"
    LEGEND = "legend"
    TAKEN_BACK = "taken-back"
    INSTRUCTION = "instruction"


class StruckSpan(Value):
    """A stretch that states nothing of the patient, with the reason."""

    start: int
    end: int
    reason: StruckReason


class Structure(Value):
    """What a report's layout says, in addition to its sections and specimen parts (`Report`)."""

    options: tuple[FormOption, ...] = ()
    cells: tuple[TableCell, ...] = ()
    items: tuple[ListItem, ...] = ()
    struck: tuple[StruckSpan, ...] = ()
