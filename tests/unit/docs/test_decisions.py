"""Decisions are short, numbered once, and say so in their title."""

import re
from pathlib import Path

DECISIONS = sorted((Path(__file__).parents[3] / "docs/adr").glob("*.md"))


def test_every_decision_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))
    assert numbers == sorted(numbers)


def test_every_decision_is_short_and_titled_by_its_number():
    for path in DECISIONS:
        lines = path.read_text().splitlines()
        assert len(lines) < 80, path.name
        title = re.match(r"# (\d+)\. \S", lines[0])
        assert title, f"{path.name}: {lines[0]}"
        assert int(title[1]) == int(path.name[:4]), path.name
