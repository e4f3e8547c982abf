"""Values that switch on every workload of the chart, and the secrets and the claim that these need."""

from typing import Any

from tests.cluster.api import Manifest
from tests.cluster.manifests import claimed_folder
from tests.cluster.nodes import CONTROL_PLANE_ADDRESS

SUBSCRIPTION = "oncofhir-reports"
BRIDGE_SECRET = "correct-horse-battery"
HISTORY_SYSTEM = "urn:accession:history"
SECRETS = {
    "bridge": {"secret": BRIDGE_SECRET},
    "review-session": {"session-key": "k" * 64},
    "review-oidc": {"client-secret": "s" * 32},
}
POSITION_FOLDER = "/run/oncofhir-backfill"
_CLAIM = "oncofhir-backfill"


def every_workload() -> dict[str, Any]:
    """The values that switch everything on."""

    def of_role(role: str) -> list[dict[str, Any]]:
        # This process sends from node 1.
        return [
            {"podSelector": {"matchLabels": {"role": role}}},
            {"ipBlock": {"cidr": f"{CONTROL_PLANE_ADDRESS}/32"}},
        ]

    return {
        "allowPlaintext": ["kafka", "fhir", "model", "bridge", "mllp", "review"],
        "kafka": {"topics": {"diagnosticReportBackfill": "fhir.diagnostic-report.backfill"}},
        "bridge": {
            "enabled": True,
            "subscriptions": SUBSCRIPTION,
            "from": of_role("ehr"),
            "secret": {"name": "bridge"},
            "mllp": {"enabled": True, "from": of_role("laboratory")},
            "env": {"ONCOFHIR_MLLP__ALLOW_ANONYMOUS": "true"},
        },
        "review": {
            "enabled": True,
            "publicUrl": "http://review.hospital.example",
            "oidc": {
                "issuer": "https://login.hospital.example",
                "clientId": "oncofhir",
                "clientSecret": {"name": "review-oidc"},
            },
            "sessionKeySecret": {"name": "review-session"},
            "from": of_role("ingress-controller"),
            "to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}],
        },
        "backfill": {
            "enabled": True,
            "arguments": ["search", f"DiagnosticReport?identifier={HISTORY_SYSTEM}|history"],
            "stateClaim": _CLAIM,
        },
    }


def claim(namespace: str) -> list[Manifest]:
    """The volume of a backfill's position, a folder of node 1, and its claim."""
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}
    terms = [{"matchExpressions": [on_node]}]
    return claimed_folder(
        _CLAIM,
        namespace,
        POSITION_FOLDER,
        mode="ReadWriteOnce",
        size="64Mi",
        nodeAffinity={"required": {"nodeSelectorTerms": terms}},
    )
