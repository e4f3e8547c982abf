"""The commands of the install page keep what a cluster taught; each check failed on the page before."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "install-with-helm.md").read_text()
COMMANDS = [
    line.strip() for line in PAGE.replace("\\\n", " ").splitlines() if line.startswith("    ")
]


@pytest.mark.parametrize("text", [PAGE, (ROOT / "Containerfile").read_text()], ids=["page", "file"])
def test_an_image_is_built_in_the_format_that_keeps_its_health_check(text):
    """podman and buildah build in the OCI format by default, which has no HEALTHCHECK."""
    builds = re.findall(r"(?:podman|buildah) (?:build|bud) .*", text)
    assert builds
    assert all("--format docker" in build for build in builds)


def test_rendered_manifests_hold_no_smoke_test():
    """`kubectl apply` ignores Helm's hooks and would start it as an ordinary pod."""
    templates = [command for command in COMMANDS if command.startswith("helm template")]
    assert any("kubectl apply" in command for command in templates)
    assert all("--skip-tests" in command for command in templates)


def test_policies_are_checked_against_a_pod_without_a_policy():
    """A connection that fails proves nothing in a cluster that has no way out."""
    checks = [command for command in COMMANDS if '-c "$CHECK"' in command]
    assert [("run control" in c, "exec deployment/oncofhir-worker" in c) for c in checks] == [
        (True, False),
        (False, True),
    ]


def test_what_an_uninstall_leaves_is_deleted_by_its_label():
    (delete,) = (command for command in COMMANDS if " delete pod " in command)
    assert "app.kubernetes.io/component=smoke-test" in delete


def test_who_owns_the_number_of_workers_is_said():
    for word in ("kubectl scale", "--force-conflicts", "worker.replicas", "rollback"):
        assert word in PAGE
