"""The checks that need no node: every profile under admission, an upgrade, an autoscaler, an uninstall.

Each check raises `Fault` with what it saw. `CHECKS` names them for the report.
"""

from collections.abc import Callable
from typing import Any

from helm.check.rendering import merged, profiles, values_of
from tests.cluster.api import ApiError, Manifest, wait_until
from tests.cluster.every_workload import every_workload
from tests.cluster.last_release import LAST_RELEASE, VERSION, profiles_of_the_last_release
from tests.cluster.releases import RELEASE, Bench, Fault, Release, objects_of

RESOURCES = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
_OWN_TGI_IMAGE = {
    "model": {"server": {"image": {"registry": "registry.hospital.example", "repository": "tgi"}}}
}
# Under a quota on limits.cpu every container needs such a limit.
WITH_CPU_LIMITS = {
    "worker": {"resources": RESOURCES},
    "topicsJob": {"resources": RESOURCES},
    "smokeTest": {"resources": RESOURCES},
    "bridge": {"resources": RESOURCES},
    "review": {"resources": RESOURCES},
    "backfill": {"resources": RESOURCES},
    "model": {
        "server": {
            "resources": RESOURCES,
            "digestResources": RESOURCES,
            "tls": {"resources": RESOURCES},
        }
    },
}


def is_hook(manifest: Manifest) -> bool:
    """Whether helm alone starts an object; `helm template --skip-tests` leaves the tests among them out."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


def every_profile_is_admitted(bench: Bench) -> None:
    """Each profile is installed under the restricted standard and a quota, and its pods are created."""
    for name, file in profiles(bench.chart).items():
        values = merged(values_of(file), _for_profile(values_of(file)))
        with bench.release(f"profile-{name}", values, quota=True) as release:
            wanted = {
                each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
                for each in release.objects()
                if each["kind"] == "Deployment"
            } | ({"topics"} if any(o["kind"] == "Job" for o in release.objects()) else set())
            _pods_are_created(release, wanted)


def _for_profile(values: dict[str, Any]) -> dict[str, Any]:
    server = values["model"].get("kind", "external") != "external"
    return WITH_CPU_LIMITS if server else {**WITH_CPU_LIMITS, "model": {}}


def _pods_are_created(release: Release, components: set[str]) -> None:
    def created() -> bool:
        label = "app.kubernetes.io/component"
        return components <= {pod["metadata"]["labels"].get(label) for pod in release.pods()}

    try:
        wait_until(created, f"pods of {sorted(components)} are created", 120)
    except TimeoutError as error:
        raise Fault(f"{release.namespace}: {error}: {_refusals(release)}") from error


def _refusals(release: Release) -> list[str]:
    path = f"/api/v1/namespaces/{release.namespace}/events"
    events = release.bench.api.items(path)
    return [e["message"] for e in events if e["reason"] == "FailedCreate"][-2:]


def the_smoke_test_is_admitted(bench: Bench) -> None:
    """The pod of 'helm test' passes a quota on limits.cpu when the values give it such a limit."""
    values = merged(values_of(profiles(bench.chart)["minimal"]), _for_profile({"model": {}}))
    with bench.release("smoke-test", values, quota=True) as release:
        (pod,) = (each for each in release.objects() if each["kind"] == "Pod")
        try:
            release.bench.api.create(pod, dry_run=True)
        except ApiError as error:
            raise Fault(f"the smoke test's pod is refused: {error}") from error


def plain_manifests_are_accepted(bench: Bench) -> None:
    """`helm template --skip-tests` can be applied by server-side apply, and holds no smoke test."""
    with bench.namespace("plain"):
        for name, file in profiles(bench.chart).items():
            for each in objects_of(bench.chart, "plain", values_of(file)):
                if is_hook(each):
                    continue
                try:
                    bench.api.apply(each, manager="kubectl", dry_run=True)
                except ApiError as error:
                    raise Fault(f"{name}: {each['kind']} is refused: {error}") from error


def a_deployment_may_take_as_long_as_its_startup_probe(bench: Bench) -> None:
    """The progress deadline outlasts the startup probe: an install with --wait waits for a model that loads."""
    with bench.release("deadline", values_of(profiles(bench.chart)["minimal"])) as release:
        spec = release.worker()["spec"]
        probe = spec["template"]["spec"]["containers"][0]["startupProbe"]
        budget = probe["failureThreshold"] * probe["periodSeconds"]
        if spec["progressDeadlineSeconds"] <= budget:
            raise Fault(
                f"progressDeadlineSeconds {spec['progressDeadlineSeconds']} ends before the startup probe, {budget} s"
            )


def an_autoscaler_keeps_the_workers(bench: Bench) -> None:
    """Autoscaling that is switched on leaves the number of workers alone, and so does each later upgrade."""
    values = merged(values_of(profiles(bench.chart)["minimal"]), {"worker": {"replicas": 3}})
    with bench.release("autoscaling", values) as release:
        release.upgrade({"autoscaling": {"kind": "hpa"}})
        _workers_are(release, 3)
        release.scale(4, manager="autoscaler")
        release.upgrade({"worker": {"logLevel": "DEBUG"}})
        _workers_are(release, 4)


def a_number_set_by_kubectl_is_kept_until_the_values_have_it(bench: Bench) -> None:
    """Helm 4 refuses to take a field from another manager; with the same number in the values it goes on."""
    with bench.release("scaled", values_of(profiles(bench.chart)["minimal"])) as release:
        release.scale(3, manager="kubectl")
        try:
            release.upgrade({"worker": {"logLevel": "DEBUG"}})
        except Fault as refused:
            if ".spec.replicas" not in str(refused):
                raise
        _workers_are(release, 3)
        release.upgrade({"worker": {"replicas": 3}})
        _workers_are(release, 3)


def a_rollback_brings_the_settings_back(bench: Bench) -> None:
    """After a rollback the pods are what they were before the upgrade."""
    with bench.release("rollback", values_of(profiles(bench.chart)["minimal"])) as release:
        before = release.worker()["spec"]["template"]
        release.upgrade({"worker": {"logLevel": "DEBUG"}})
        if release.worker()["spec"]["template"] == before:
            raise Fault("the upgrade changed no pod")
        release.helm.rollback(RELEASE, version=1)
        if release.worker()["spec"]["template"] != before:
            raise Fault("the rollback left other pods than there were before")


def an_upgrade_from_the_last_release_is_accepted(bench: Bench) -> None:
    """The last release's chart, upgraded with its values and what UPGRADING.md says; and a rollback to it."""
    for name, values in profiles_of_the_last_release().items():
        tgi = values["model"].get("kind") == "tgi"
        with bench.release(f"from-last-{name}", values, chart=LAST_RELEASE) as release:
            before = release.worker()["spec"]["template"]
            release.upgrade(_OWN_TGI_IMAGE if tgi else None)
            labels = release.worker()["metadata"]["labels"]
            if labels["helm.sh/chart"].endswith(VERSION):
                raise Fault(f"{name}: the upgrade left the chart of {VERSION}")
            release.helm.rollback(RELEASE, version=1)
            if release.worker()["spec"]["template"] != before:
                raise Fault(f"{name}: the rollback left other pods than {VERSION} made")


def all_workloads_at_once_are_admitted(bench: Bench) -> None:
    """Bridge, review page and backfill pass the restricted standard and a quota beside the workers."""
    changes = merged(every_workload(), _for_profile({"model": {}}))
    values = merged(values_of(profiles(bench.chart)["minimal"]), changes)
    with bench.release("all-workloads", values, quota=True) as release:
        _pods_are_created(release, {"worker", "topics", "bridge", "review", "backfill"})


def _workers_are(release: Release, number: int) -> None:
    found = release.worker()["spec"]["replicas"]
    if found != number:
        raise Fault(f"{number} workers became {found}")


def an_upgrade_without_a_change_restarts_nothing(bench: Bench) -> None:
    """The pod template is the same when the values are."""
    with bench.release("again", values_of(profiles(bench.chart)["minimal"])) as release:
        before = release.worker()["spec"]["template"]
        release.upgrade()
        if release.worker()["spec"]["template"] != before:
            raise Fault("an upgrade without a change changes the pods")


def an_uninstall_leaves_nothing(bench: Bench) -> None:
    """Every object of the release is deleted; the pod of 'helm test' stays only where it was run."""
    with bench.release("uninstall", values_of(profiles(bench.chart)["minimal"])) as release:
        paths = [bench.api.path_of(each) for each in release.objects() if not is_hook(each)]
        missing = [path for path in paths if not bench.api.exists(path)]
        if missing:
            raise Fault(f"not installed: {missing}")
        release.helm.uninstall(RELEASE)
        wait_until(lambda: not any(map(bench.api.exists, paths)), "all objects are deleted", 120)


CHECKS: tuple[Callable[[Bench], None], ...] = (
    every_profile_is_admitted,
    the_smoke_test_is_admitted,
    plain_manifests_are_accepted,
    a_deployment_may_take_as_long_as_its_startup_probe,
    an_autoscaler_keeps_the_workers,
    a_number_set_by_kubectl_is_kept_until_the_values_have_it,
    a_rollback_brings_the_settings_back,
    an_upgrade_from_the_last_release_is_accepted,
    all_workloads_at_once_are_admitted,
    an_upgrade_without_a_change_restarts_nothing,
    an_uninstall_leaves_nothing,
)
