"""Where cancers sit: the words for a site, found in text, and the site's concept."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from oncofhir.schemas.base import Value
from oncofhir.terminology.lowered import any_of, lowered


class Site(Value):
    """A cancer site. `key` names its concept in `data/cancers.json`.

    `paired`, `lateral` and `secondary` are explained in `sites.toml`. `only` limits the site's disorder code
    to a histology: skin has one for melanoma alone.
    """

    key: str
    name: str
    words: tuple[str, ...]
    lateral: bool = False
    paired: bool = False
    secondary: bool = False
    only: str | None = None


@cache
def sites() -> tuple[Site, ...]:
    """Every site there are codes for."""
    text = files("oncofhir.terminology").joinpath("sites.toml").read_text(encoding="utf-8")
    return tuple(Site.model_validate(site) for site in tomllib.loads(text)["site"])


@cache
def _pattern() -> tuple[re.Pattern[str], dict[str, Site]]:
    words = {word: site for site in sites() for word in site.words}
    return re.compile(rf"\b(?:{any_of(words)})\b"), words


def find_sites(text: str, *, every: bool = False) -> Iterator[tuple[Site, int, int]]:
    """Each word for a site with its offsets, in text order.

    Sites that only metastases and blood diseases have, such as lymph nodes, are left out unless `every`.
    """
    pattern, words = _pattern()
    for match in pattern.finditer(lowered(text)):
        site = words[match[0]]
        if every or not site.secondary:
            yield site, match.start(), match.end()


def site_of(text: str) -> Site | None:
    """The site that a short text names; the first if it names several."""
    return next((site for site, _, _ in find_sites(text)), None)
