"""Imports go down the layers; folders, modules and names stay as ARCHITECTURE.md wants them."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "oncofhir"

# What each package may import. `cli` is the top and may import all of them.
LAYERS = {
    "schemas": set(),
    "settings": {"schemas"},
    "terminology": {"schemas"},
    "telemetry": {"schemas", "settings"},
    "fhir": {"schemas", "terminology", "settings"},
    "inference": {"schemas", "terminology", "settings", "telemetry"},
    "consumers": {
        "schemas",
        "contracts",
        "terminology",
        "fhir",
        "inference",
        "settings",
        "telemetry",
    },
    "contracts": {"schemas", "settings"},
    "warehouse": {"schemas", "contracts", "consumers", "settings", "telemetry"},
    "ingest": {"schemas", "fhir", "consumers", "settings", "telemetry"},
    "review": {
        "schemas",
        "contracts",
        "terminology",
        "fhir",
        "inference",
        "consumers",
        "evaluation",
        "settings",
        "telemetry",
    },
    "evaluation": {"schemas", "terminology", "fhir", "inference"},
    "testing": {"schemas", "inference", "settings", "telemetry", "demo"},
    "demo": {
        "schemas",
        "contracts",
        "terminology",
        "fhir",
        "inference",
        "consumers",
        "settings",
        "telemetry",
        "review",
        "warehouse",
    },
}
TOP = {"cli"}

# What each sub-package may import within its package; "" are the modules of the package's own folder.
SUBPACKAGE_LAYERS = {
    "fhir": {
        "": set(),
        "rest": {""},
        "hl7v2": {""},
        "intake": {"", "rest"},
        "mapping": {""},
        "review": {"", "mapping"},
        "store": {"", "rest", "mapping", "review"},
        "erasure": {"", "rest", "store"},
    },
    "inference": {
        "mentions": set(),
        "structure": set(),
        "context": set(),
        "clients": set(),
        "prompting": {"clients"},
        "index": {"structure", "context", "mentions", "prompting"},
        "lesions": {"index", "mentions"},
        "interpretation": {"lesions", "index", "mentions"},
        "": {"interpretation", "lesions", "mentions", "prompting"},
        "server": set(),
    },
    "consumers": {
        "kafka": set(),
        "source": {"kafka"},
        "envelopes": set(),
        "tracing": {"kafka"},
        "publishing": {"kafka", "tracing"},
        "dead_letters": {"kafka", "publishing", "tracing"},
        "processing": {"kafka", "source", "envelopes", "publishing", "dead_letters", "tracing"},
        "erasure": {"kafka"},
        "reconciliation": {"kafka", "envelopes", "dead_letters"},
        "health": {"kafka", "source", "processing"},
        "composition": {"processing"},
        "installation": {"kafka", "dead_letters"},
        "smoke_test": {"kafka", "publishing"},
        "": {"kafka", "source", "processing", "publishing", "dead_letters", "health"},
    },
    "ingest": {
        "backfill": {"publishing"},
        "publishing": set(),
        "mllp": {"publishing"},
        "subscriptions": {"publishing"},
        "http": {"publishing", "subscriptions"},
        "": {"publishing", "subscriptions", "http", "mllp"},
    },
    "warehouse": {
        "sql": set(),
        "landing": {"sql"},
        "omop": {"sql", "landing"},
        "erasure": {"sql", "landing", "omop"},
    },
}

MAX_MODULES = 15
MAX_LINES = 300
KAFKA_CLIENT_FOLDERS = ("consumers/kafka/", "consumers/source/")

# Metaphors, and what an engineer of the trade calls the thing.
METAPHORS = {
    "anew": "again",
    "bare": "short, unqualified",
    "burial": "dead-letter writer",
    "bury": "dead-letter",
    "competing": "conflict",
    "fate": "disposition",
    "fates": "failure policy",
    "floor": "layer",
    "floors": "layers",
    "followed": "carry over, follow",
    "gone": "missing, deleted",
    "greet": "request API versions",
    "hurried": "promoted",
    "hurry": "promote",
    "knock": "check reachability",
    "lane": "priority",
    "lanes": "priorities",
    "lately": "recent",
    "measured": "measurement, size context",
    "orders": "prompt injection",
    "parking": "paused partitions",
    "particulars": "metadata",
    "place": "slot, position, mention, site",
    "places": "slots, positions, mentions, sites",
    "room": "in-flight budget",
    "rooms": "packages",
    "said": "text, message",
    "standing": "shared resources",
    "tell": "log, describe",
    "telling": "outcome rows",
    "told": "logged, described",
    "twice": "duplicates",
    "vitals": "status, health",
}
# Names that say too little alone; as a part of a name these words are fine.
VAGUE_NAMES = {
    "answers": "responses",
    "change": "diff",
    "changes": "diff",
    "end": "the end of what",
    "ends": "end offsets",
    "last_bytes": "read before close",
    "letters": "dead letters",
    "names": "identifiers, resource ids",
    "origin": "report origin, base URL",
}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@functools.cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@functools.cache
def imported_modules(module: Path) -> tuple[str, ...]:
    """Dotted names that a module imports; `from a import b` gives `a.b`."""
    found = []
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


def imported_packages(module: Path) -> set[str]:
    imported = [name.split(".") for name in imported_modules(module)]
    return {name[1] for name in imported if name[0] == "oncofhir"} - {"__version__"}


def imported_subpackages(module: Path, package: str) -> set[str]:
    imported = [name.split(".") for name in imported_modules(module)]
    within = [name[2] for name in imported if name[:2] == ["oncofhir", package] and name[2:]]
    return {name if (PACKAGE / package / name).is_dir() else "" for name in within}


@pytest.mark.parametrize("package", sorted(LAYERS))
def test_a_package_imports_only_layers_below(package):
    folder = PACKAGE / package
    found = modules(folder) if folder.is_dir() else [folder.with_suffix(".py")]
    assert found, f"{package} is gone: remove it from LAYERS"
    for module in found:
        wrong = imported_packages(module) - LAYERS[package] - {package}
        assert not wrong, f"{module.relative_to(PACKAGE)} imports {sorted(wrong)}"


def test_every_package_has_a_layer():
    found = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert found - {"__init__", "__main__", "__pycache__", "py"} == set(LAYERS) | TOP


@pytest.mark.parametrize(
    ("package", "subpackage"),
    [(package, name) for package, layers in SUBPACKAGE_LAYERS.items() for name in layers],
)
def test_a_subpackage_imports_only_layers_below(package, subpackage):
    folder = PACKAGE / package / subpackage
    allowed = SUBPACKAGE_LAYERS[package][subpackage] | {subpackage}
    for module in modules(folder) if subpackage else folder.glob("*.py"):
        wrong = imported_subpackages(module, package) - allowed
        assert not wrong, f"{module.relative_to(PACKAGE)} imports {sorted(wrong)}"


def test_every_subpackage_has_a_layer():
    for package, layers in SUBPACKAGE_LAYERS.items():
        found = {f.name for f in (PACKAGE / package).iterdir() if (f / "__init__.py").is_file()}
        assert found == set(layers) - {""}, package


def test_no_folder_has_more_modules_than_fit_on_a_screen():
    for folder in {module.parent for module in modules(PACKAGE)}:
        found = sorted(module.name for module in folder.glob("[!_]*.py"))
        assert len(found) <= MAX_MODULES, (folder.relative_to(PACKAGE), found)


def test_no_module_is_too_long():
    found = [
        module
        for folder in ("oncofhir", "helm", "image", "benchmarks", "model")
        for module in modules(ROOT / folder)
    ]
    too_long = {
        str(module.relative_to(ROOT))
        for module in found
        if len(module.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }
    assert not too_long, f"over {MAX_LINES} lines"


def test_only_the_kafka_folders_import_the_kafka_client():
    importing = {
        str(module.relative_to(PACKAGE))
        for module in modules(PACKAGE)
        if any(name.split(".")[0] == "kafka" for name in imported_modules(module))
    }
    elsewhere = {name for name in importing if not name.startswith(KAFKA_CLIENT_FOLDERS)}
    assert not elsewhere


def public_names(module: Path) -> Iterator[str]:
    """The module's name and those of its public classes, functions and methods."""
    yield module.stem if module.stem != "__init__" else module.parent.name
    for node in ast.walk(parsed(module)):
        is_named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if is_named and not node.name.startswith("_"):
            yield node.name


def words(name: str) -> set[str]:
    """The words of a name in snake case or in capitals."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def better_words(name: str) -> list[str]:
    """What to write instead of the metaphors in a name; nothing where there are none."""
    metaphors = [METAPHORS[word] for word in sorted(words(name) & set(METAPHORS))]
    return metaphors + ([VAGUE_NAMES[name]] if name in VAGUE_NAMES else [])


def test_names_are_words_of_the_trade():
    found = {
        f"{module.relative_to(PACKAGE)}:{name}": better
        for module in modules(PACKAGE)
        for name in public_names(module)
        if (better := better_words(name))
    }
    assert not found
