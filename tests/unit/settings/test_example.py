"""`oncofhir config example`: a TOML file that shows every default."""

import re
import tomllib

from oncofhir.settings import Settings, example_file, known_variables, load
from oncofhir.settings.base import variable_of

ASSIGNMENT = re.compile(r"# ([a-z_]+ = .+)")
TEXT = example_file()


def uncommented() -> str:
    """The file with every assignment that has a default taken out of its comment."""
    lines = []
    for line in TEXT.splitlines():
        found = ASSIGNMENT.fullmatch(line)
        lines.append(found[1] if found and not line.endswith('= ""') else line)
    return "\n".join(lines)


def keys(content, path=()):
    for key, value in content.items():
        if isinstance(value, dict) and not path:
            yield from keys(value, (key,))
        else:
            yield ".".join((*path, key))


def test_as_it_is_it_changes_nothing(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text(TEXT)
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    assert load() == Settings.model_construct()


def test_its_assignments_are_the_defaults(monkeypatch, tmp_path):
    file = tmp_path / "oncofhir.toml"
    file.write_text(uncommented())
    monkeypatch.setenv("ONCOFHIR_CONFIG", str(file))
    assert load() == Settings.model_construct()


def test_it_has_every_setting_once():
    with_unset = "\n".join(
        line[2:] if ASSIGNMENT.fullmatch(line) else line for line in TEXT.splitlines()
    )
    found = [variable_of(key) for key in keys(tomllib.loads(with_unset))]
    assert sorted(found) == sorted(known_variables())


def test_lines_fit_a_terminal_except_long_names():
    assert all(len(line) <= 79 or " " not in line[2:] for line in TEXT.splitlines()[4:])
