"""Which model a server serves: its name, and a digest that identifies the weights.

A file path or the word "unknown" identifies nothing: two sets of weights at one path would be one model,
and a recall of one would withdraw the findings of both. A server that knows no digest can be started
under a name that holds it: `cancerllm@sha256-<hex>`, as the Helm chart does. A site may also set
`ONCOFHIR_MODEL__NAME` and `ONCOFHIR_MODEL__DIGEST`. `oncofhir model digest FOLDER` computes it.
"""

import re
from pathlib import PurePosixPath, PureWindowsPath

from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.extraction import UNDETERMINED, ModelIdentity
from oncofhir.schemas.reasons import Reason

_NAMED_DIGEST = re.compile(r"(.+?)@(?:sha256[-:])?([0-9a-fA-F]{12,128})\Z")
_DIGEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{5,127}\Z")
_NO_DIGEST = frozenset({"unknown", "latest", "undetermined"})


def model_identity(
    served_name: str,
    digest: str | None,
    *,
    server: str,
    server_version: str | None = None,
    max_input_tokens: int | None = None,
    max_total_tokens: int | None = None,
) -> ModelIdentity:
    """Build the identity from what a server reports; the name may be a path, and may hold a digest."""
    name = model_name(served_name)
    if found := _NAMED_DIGEST.match(name):
        name, digest = found[1], found[2]
    return ModelIdentity(
        name=name,
        digest=normal_digest(digest) or f"{UNDETERMINED}{name}",
        server=server,
        server_version=server_version,
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
    )


def declared(identity: ModelIdentity, name: str | None, digest: str | None) -> ModelIdentity:
    """Return the identity with the name and digest that the site has set.

    Raises:
        UnsuitableServer: the server reports another digest than the site has set.
    """
    name = name or identity.name
    stated = identity.digest if identity.has_digest else None
    if digest is not None and stated is not None and stated != digest:
        raise UnsuitableServer(
            Reason.MODEL_UNSUITABLE,
            None,
            f"the model server reports digest {stated[:12]}, ONCOFHIR_MODEL__DIGEST is {digest[:12]}",
        )
    return identity.model_copy(
        update={"name": name, "digest": stated or digest or f"{UNDETERMINED}{name}"}
    )


def model_name(served_name: str) -> str:
    """Return the last part of a path, without the suffix of a weights file; other names as they are."""
    if not re.match(r"[/.~\\]|[A-Za-z]:\\", served_name) and not served_name.endswith(".gguf"):
        return served_name
    path = PureWindowsPath(served_name) if "\\" in served_name else PurePosixPath(served_name)
    return path.name.removesuffix(".gguf") or "model"


def normal_digest(digest: str | None) -> str | None:
    """Return a digest as it is stored, without its algorithm's name; None if it identifies nothing."""
    if digest is None:
        return None
    digest = digest.strip().removeprefix("sha256:").removeprefix("sha256-")
    if not _DIGEST.match(digest) or digest.lower() in _NO_DIGEST:
        return None
    return digest.lower() if re.fullmatch(r"[0-9A-Fa-f]+", digest) else digest
