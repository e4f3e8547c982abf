"""The Containerfile is read as an engine reads it, and the lock has what the worker imports."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image.building import Root, StageFailedError
from image.containerfile import Instruction, Stage, stages
from image.tree import CONTEXT, Check, locked_versions


def test_stages_continued_lines_and_comments(tmp_path):
    file = tmp_path / "Containerfile"
    file.write_text(
        "# c\nARG A=1\nFROM base AS one\nRUN a && \\\n    # not this\n    b\nFROM base AS two\nUSER 5\n"
    )
    found = stages(file)
    assert found["one"].instructions == [Instruction("RUN", "a && b")]
    assert found["two"].texts("USER") == ["5"]


def test_ours_has_a_build_and_an_image_that_runs_nothing_as_root():
    found = stages(CONTEXT / "Containerfile")
    assert set(found) == {"build", "image"}
    assert "--require-hashes -r requirements.lock" in " ".join(found["build"].texts("RUN"))
    assert found["image"].texts("RUN") == []


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "root", tmp_path, "/usr/bin/env")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("USER 10001:10001", "USER 0:0", "USER is not a number"),
        ("USER 10001:10001", "USER app:app", "USER is not a number"),
        ("org.opencontainers.image.licenses", "licenses", "no label licenses"),
        ("EXPOSE 8080", "RUN pip install torch", "the last stage runs commands"),
        ('ENTRYPOINT ["oncofhir"]', 'ENTRYPOINT ["sh"]', "the entry point is not oncofhir"),
    ],
)
def test_what_the_image_must_not_be_is_found(old, new, said, tmp_path, root):
    text = (CONTEXT / "Containerfile").read_text()
    assert old in text
    file = tmp_path / "Containerfile"
    file.write_text(text.replace(old, new))
    check = Check(root, stages(file)["image"], None)
    check.declarations()
    assert any(said in finding for finding in check.findings)


def test_a_failing_command_ends_the_stage(root):
    with pytest.raises(StageFailedError, match="RUN false"):
        root.run(Stage("build", [Instruction("RUN", "false")]))


def test_only_the_kept_folder_goes_on(tmp_path, root):
    for path in ("opt/oncofhir/bin/x", "opt/build/bin/y", "src/z"):
        file = root.folder / path
        file.parent.mkdir(parents=True)
        file.write_text("")
    root.keep("/opt/oncofhir")
    left = {str(p.relative_to(root.folder)) for p in root.folder.rglob("*") if not p.is_dir()}
    assert left == {"opt/oncofhir/bin/x", "usr/bin/python"}


def test_the_lock_pins_every_dependency_to_a_version_that_is_allowed():
    declared = tomllib.loads((CONTEXT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = locked_versions(CONTEXT / "requirements.lock")
    for text in declared:
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements.lock: see CONTRIBUTING.md"
        assert all(version in requirement.specifier for version in versions), requirement.name


def test_every_pin_has_a_hash():
    for name in ("requirements.lock", "requirements-build.lock"):
        text = Path(CONTEXT / name).read_text()
        pins = [block for block in text.split("\n") if "==" in block]
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)
        assert all(pin.rstrip().endswith("\\") for pin in pins)
