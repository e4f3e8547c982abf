"""Keycloak, in memory, on a free loopback port: the OpenID provider of many hospitals.

It comes from Maven Central (155 MB, once) and needs Java 17. The first start builds it for its database (a
minute); then it is ready after about 15 seconds.
"""

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Self

import httpx2

from oncofhir.demo.process import Process, free_port, responds
from tests.apache_kafka.jars import cache_folder, fetched_file

VERSION = "26.3.5"
REALM = "hospital"
CLIENT = "oncofhir-review"
SECRET = "the client's secret"
PASSWORD = "correct horse battery staple"
_ARCHIVE = (
    "95756bdfd7540fafaf28874a8eb8d0d4c55977344a3b7821e9bd3a22bfb2b6a6",
    f"org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip",
)
_ADMIN = "admin"
_JAVA = "-Xmx512m -XX:TieredStopAtLevel=1"


class Keycloak(Process):
    """A realm with `users` (name: realm roles), all with `PASSWORD`, and one client for a page.

    `page` is the page's public URL.
    """

    def __init__(self, page: str, users: dict[str, list[str]]) -> None:
        self.port = free_port()
        self._realm = _realm(page, users)
        command = [
            str(program()),
            "start",
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={self.port}",
            f"--hostname={self.url}",
        ]
        super().__init__(
            "keycloak",
            command,
            ready=lambda: responds(f"{self.url}/realms/master"),
            environment={
                "JAVA_OPTS_APPEND": _JAVA,
                "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            },
            wait_seconds=240.0,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    def __enter__(self) -> Self:
        super().__enter__()
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            form = {
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": _ADMIN,
                "password": PASSWORD,
            }
            answer = client.post("/realms/master/protocol/openid-connect/token", data=form)
            token = answer.raise_for_status().json()["access_token"]
            headers = {"authorization": f"Bearer {token}"}
            client.post("/admin/realms", json=self._realm, headers=headers).raise_for_status()
        return self


def _realm(page: str, users: dict[str, list[str]]) -> dict[str, Any]:
    """The realm as an administrator sets it up for docs/how-to/review.md."""
    roles = sorted({role for granted in users.values() for role in granted})
    return {
        "realm": REALM,
        "enabled": True,
        "roles": {"realm": [{"name": role} for role in roles]},
        "users": [
            {
                "username": name,
                "enabled": True,
                "firstName": name.capitalize(),
                "lastName": "Weber",
                "email": f"{name}@hospital.example",
                "emailVerified": True,
                "realmRoles": granted,
                "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
            }
            for name, granted in users.items()
        ],
        "clients": [
            {
                "clientId": CLIENT,
                "secret": SECRET,
                "standardFlowEnabled": True,
                "redirectUris": [f"{page}/callback"],
                "attributes": {
                    "post.logout.redirect.uris": f"{page}/login",
                    "pkce.code.challenge.method": "S256",
                },
                "protocolMappers": [
                    {
                        "name": "realm roles in the ID token",
                        "protocol": "openid-connect",
                        "protocolMapper": "oidc-usermodel-realm-role-mapper",
                        "config": {
                            "claim.name": "realm_access.roles",
                            "jsonType.label": "String",
                            "multivalued": "true",
                            "id.token.claim": "true",
                        },
                    }
                ],
            }
        ],
    }


def program() -> Path:
    """The script that starts it; fetched, unpacked and built for a database in memory the first time.

    Raises:
        JarsMissing: it cannot be fetched.
    """
    folder = cache_folder().with_name(f"keycloak-{VERSION}")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        archive = fetched_file(folder.parent, *_ARCHIVE)
        unpacked = Path(tempfile.mkdtemp(dir=folder.parent))
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(unpacked)
        built = unpacked / f"keycloak-{VERSION}"
        script = built / "bin" / "kc.sh"
        script.chmod(0o755)
        command = [str(script), "build", "--db=dev-mem", "--health-enabled=false"]
        subprocess.run(command, check=True, capture_output=True)
        built.rename(folder)  # whole or not at all
        shutil.rmtree(unpacked)
        archive.unlink()
    return folder / "bin" / "kc.sh"
