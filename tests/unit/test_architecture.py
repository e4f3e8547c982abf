"""Imports go down a floor or not at all (design, "Rooms and floors")."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "oncofhir"
BELOW = {
    "schemas": set(),
    "settings": set(),
    "terminology": {"schemas"},
    "telemetry": {"schemas", "settings"},
    "fhir": {"schemas", "terminology", "settings"},
    "inference": {"schemas", "terminology", "settings", "telemetry"},
    "consumers": {"schemas", "terminology", "fhir", "inference", "settings", "telemetry"},
    "contracts": {"schemas", "settings"},
    "warehouse": {"schemas", "contracts", "consumers", "settings"},
    "evaluation": {"schemas", "terminology", "fhir", "inference"},
    "testing": {"schemas", "inference", "settings", "telemetry", "demo"},
    "demo": {"schemas", "terminology", "fhir", "inference", "consumers", "settings", "telemetry"},
}
TOP = {"cli"}


def imported_rooms(module: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "oncofhir":
                names = [f"oncofhir.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("oncofhir.")}
    return rooms - {"__version__"}


@pytest.mark.parametrize("room", sorted(BELOW))
def test_imports_go_down(room: str):
    folder = PACKAGE / room
    modules = list(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    assert modules, f"the room {room} is gone; change BELOW"
    for module in modules:
        wrong = imported_rooms(module) - BELOW[room] - {room}
        assert not wrong, f"{module.relative_to(PACKAGE)} imports {sorted(wrong)}"


def test_every_room_has_a_floor():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert (
        rooms - {"__init__", "__main__", "__pycache__"} - set(BELOW) - TOP - {"py.typed"} == set()
    )
