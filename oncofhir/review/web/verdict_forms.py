"""Forms of the page as verdicts, and outcomes as sentences."""

from starlette.datastructures import FormData

from oncofhir.review.access.users import LOCAL_ISSUER, User
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.review import (
    AddMissed,
    CodeChoice,
    Confirm,
    Correct,
    NotSure,
    OutcomeKind,
    Refute,
    Reviewer,
    Undo,
    Verdict,
    VerdictOutcome,
)

_MAX_COMMENT = 2_000
_MAX_VALUE = 500
_DONE = {
    "confirm": "confirmed",
    "correct": "corrected",
    "refute": "refuted",
    "not-sure": "left for somebody else",
    "undo": "as it was before",
    "add-missed": "added",
}
_PROBLEMS = {
    OutcomeKind.REPORT_NOT_FOUND: "The report is gone: its source has it no longer. Nothing was saved.",
    OutcomeKind.FINDING_NOT_FOUND: "The finding is gone: somebody deleted it. Nothing was saved.",
    OutcomeKind.INVALID_VALUE: "This is no value of the phenotype.",
    OutcomeKind.NOTHING_TO_UNDO: "There is no verdict to undo.",
    OutcomeKind.STORE_REFUSED: "The FHIR server refuses this verdict. Nothing was saved.",
    OutcomeKind.STORE_UNAVAILABLE: "The FHIR server cannot be used right now. Nothing was saved; try again.",
}


class InvalidForm(Exception):
    """A form that no page of ours sends, or words that are not in the report. The message is for the user."""


def reviewer_of(user: User) -> Reviewer:
    """Who decides, as it is recorded in FHIR."""
    identifier = None if user.issuer == LOCAL_ISSUER else (user.issuer, user.subject)
    return Reviewer(display=user.name, reference=user.reference, identifier=identifier)


def verdict_of(form: FormData, finding: str) -> Verdict:
    """The verdict of a card's button or of its form of correction.

    Raises:
        InvalidForm: the button is none of ours, or the value is missing or too long.
    """
    comment = text_of(form, "comment", _MAX_COMMENT) or None
    match form.get("verdict"):
        case "confirm":
            return Confirm(finding=finding, comment=comment)
        case "refute":
            in_error = form.get("in_error") == "yes"
            return Refute(finding=finding, in_error=in_error, comment=comment)
        case "not-sure":
            return NotSure(finding=finding, comment=comment)
        case "undo":
            return Undo(finding=finding)
        case "correct":
            value, coding = value_of(form)
            return Correct(finding=finding, value=value, coding=coding, comment=comment)
    raise InvalidForm("Choose a verdict.")


def missed_of(form: FormData, document: str, start: int, end: int) -> AddMissed:
    """What a reviewer adds, found at the words that they selected.

    Raises:
        InvalidForm: the phenotype or the value is missing.
    """
    kind, slot = kind_of(form)
    value, coding = value_of(form)
    return AddMissed(
        document=document,
        start=start,
        end=end,
        kind=kind,
        slot=slot,
        value=value,
        coding=coding,
        lesion=text_of(form, "lesion", _MAX_VALUE) or None,
        comment=text_of(form, "comment", _MAX_COMMENT) or None,
    )


def kind_of(form: FormData) -> tuple[Kind, str | None]:
    """The phenotype and its component, which forms send as one field: hormone-receptor/ER.

    Raises:
        InvalidForm: it is none.
    """
    kind, _, slot = text_of(form, "kind", 100).partition("/")
    if kind not in set(Kind):
        raise InvalidForm("Choose a phenotype.")
    return Kind(kind), slot or None


def value_of(form: FormData) -> tuple[str, Coding | None]:
    """The chosen value with its code; what was typed, where nothing was chosen.

    A choice is sent as a `CodeChoice` in JSON.

    Raises:
        InvalidForm: there is neither.
    """
    chosen = text_of(form, "choice", 2_000)
    if chosen:
        try:
            choice = CodeChoice.model_validate_json(chosen)
        except ValueError as error:
            raise InvalidForm("Choose one of the listed values.") from error
        return choice.value, choice.coding
    typed = text_of(form, "search", _MAX_VALUE)
    if not typed:
        raise InvalidForm("Type or choose a value.")
    return typed, None


def text_of(form: FormData, name: str, longest: int) -> str:
    """One field of a form, stripped.

    Raises:
        InvalidForm: it is too long, or a file.
    """
    value = form.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidForm(f"This is too long: at most {longest} characters.")
    return value.strip()


def sentence_of(outcome: VerdictOutcome, verdict: Verdict, what: str) -> str:
    """What came of a verdict, for a person. `what` names the finding without its value."""
    if outcome.kind is OutcomeKind.DONE:
        return f"{what} {_DONE[verdict.verdict]}."
    problem = _PROBLEMS.get(outcome.kind, "Nothing was saved.")
    return f"{problem} {outcome.detail}" if outcome.detail else problem
