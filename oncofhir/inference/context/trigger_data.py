"""The triggers of `triggers.toml`, compiled: one pattern for all of them."""

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

from oncofhir.schemas.base import Value
from oncofhir.terminology.lowered import any_of


class Cause(StrEnum):
    """What a trigger makes of a mention."""

    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    QUERIED = "queried"
    HYPOTHETICAL = "hypothetical"
    PENDING = "pending"
    EARLIER = "earlier"
    SUPERSEDED = "superseded"
    FAMILY = "family"
    OTHER = "other"
    INSTRUCTED = "instructed"


class Trigger(Value):
    """What a word does: to the mentions behind it (`before` them), and to those in front of it.

    `at_end` is as `after`, where the word is the last of its clause.
    """

    before: tuple[Cause, ...] = ()
    after: tuple[Cause, ...] = ()
    at_end: tuple[Cause, ...] = ()
    ends: frozenset[Cause] = frozenset()

    @property
    def hides_what_it_holds(self) -> bool:
        """Whether triggers inside its words do nothing: "no family history of" is no family history."""
        return bool(self.before) or not (self.after or self.ends)


_ENDS = {
    "all": frozenset(Cause),
    "negated": frozenset({Cause.NEGATED, Cause.UNCERTAIN}),
    "earlier": frozenset({Cause.EARLIER}),
    "family": frozenset({Cause.FAMILY}),
}


@cache
def triggers() -> dict[str, Trigger]:
    """Every trigger by its words, in lower case; pseudo-triggers do nothing."""
    text = files("oncofhir.inference.context").joinpath("triggers.toml").read_text("utf-8")
    data = tomllib.loads(text)
    before: dict[str, list[Cause]] = {}
    after: dict[str, list[Cause]] = {}
    at_end: dict[str, list[Cause]] = {}
    ends: dict[str, frozenset[Cause]] = {}
    for group in data["trigger"]:
        for word in group["before"]:
            before.setdefault(word, []).append(Cause(group["context"]))
        for word in group["after"]:
            after.setdefault(word, []).append(Cause(group["context"]))
        for word in group.get("at_end", ()):
            at_end.setdefault(word, []).append(Cause(group["context"]))
    for name, words in data["ends"].items():
        for word in words:
            ends[word] = ends.get(word, frozenset()) | _ENDS[name]
    return {
        word: Trigger(
            before=tuple(before.get(word, ())),
            after=tuple(after.get(word, ())),
            at_end=tuple(at_end.get(word, ())),
            ends=ends.get(word, frozenset()),
        )
        for word in {*data["pseudo"], *before, *after, *at_end, *ends}
    }


@cache
def pattern() -> re.Pattern[str]:
    """Any trigger in text of lower case, the longest where several begin alike; matches may overlap."""
    words = any_of(triggers()).replace(r"\ ", r"\s{1,4}")
    return re.compile(
        rf"(?:(?<![\w/-])|(?=:))(?=(?P<words>{words})(?![\w/]))|(?:(?<=\s)|^)(?=(?P<query>\?+))"
    )
