"""Settings of the model server, or of a checkpoint in this process."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from oncofhir.settings.base import Group, http_url

FindingKind = Literal[
    "tumor-size",
    "tumor-site",
    "tumor-laterality",
    "cancer-grade",
    "histological-type",
    "hormone-receptor",
    "cancer-stage",
    "diagnosis",
]


class ModelApi(StrEnum):
    """API of the model server. `transformers`: no server, a checkpoint runs in this process."""

    TGI = "tgi"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_CHAT = "openai-chat"
    TRANSFORMERS = "transformers"


def _http_urls(urls: str) -> str:
    if urls.startswith("/"):
        return urls
    return " ".join(http_url(url) for url in urls.replace(",", " ").split()) or http_url(urls)


def _digest(value: str | None) -> str | None:
    if value is None:
        return None
    digest = value.strip().removeprefix("sha256:").removeprefix("sha256-")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{5,127}", digest) or digest == "unknown":
        raise ValueError("a digest has 6 to 128 letters, digits, '.', '_', '+' or '-'")
    return digest.lower() if re.fullmatch(r"[0-9A-Fa-f]+", digest) else digest


class ModelSettings(Group):
    """The model server, or its replicas."""

    url: Annotated[str, AfterValidator(_http_urls)] = Field(
        "http://localhost:8080",
        description="URL of the model server. Several URLs, separated by commas or blanks, are "
        "replicas. With the API transformers: the folder of a checkpoint.",
    )
    adapter: Path | None = Field(
        None,
        description="Folder of a LoRA adapter, only with the API transformers. Model servers get it "
        "merged into the weights.",
    )
    resolve_replicas: bool = Field(
        False,
        description="Use every address of the URL's host name as a replica, as for a headless Service.",
    )
    api: ModelApi = Field(
        ModelApi.TGI,
        description="API of the model server: tgi (Text Generation Inference), openai-completions, "
        "openai-chat, or transformers (no server: a checkpoint runs in this process).",
    )
    token_file: Path | None = Field(
        None, description="File with the bearer token for the model server."
    )
    ca_file: Path | None = Field(
        None, description="CA certificates (PEM) for the model server. Default: the system's."
    )
    cert_file: Path | None = Field(
        None, description="Client certificate with its chain (PEM), for mTLS."
    )
    key_file: Path | None = Field(
        None, description="Private key of the client certificate, if cert_file does not hold it."
    )
    name: str | None = Field(
        None,
        description="Name of the model, as findings record it. Default: the name that the server reports.",
    )
    digest: Annotated[str | None, AfterValidator(_digest)] = Field(
        None,
        description="Digest of the weights, for a server that reports none: of `oncofhir model digest "
        "FOLDER`, or the site's own. It is the key of a recall.",
    )
    allow_undetermined_digest: bool = Field(
        False,
        description="Write findings to the store although neither the server nor `digest` identifies the "
        "weights. They can then be recalled by the model's name only.",
    )
    prompt_set: str = Field(
        "cancerllm",
        description="Prompts that the model was trained on: cancerllm, oncofhir-small (the embedded "
        "model) or another prompt set of the package.",
    )
    tokenizer_file: Path | None = Field(
        None,
        description="The model's tokenizer.json, to split long reports exactly. Default: the server "
        "counts tokens, else characters are counted.",
    )
    timeout_seconds: PositiveFloat = Field(120.0, description="Time limit of one request.")
    max_concurrency: PositiveInt = Field(
        32,
        description="Most requests at one replica at a time. The worker finds the best number below it "
        "from the response times.",
    )
    inferred_diagnosis: bool = Field(
        True, description="Write diagnoses that the model inferred and the report does not state."
    )
    minimum_confidence: float = Field(
        0.0, ge=0, le=1, description="Reject findings below this confidence."
    )
    minimum_confidence_by_kind: dict[FindingKind, Annotated[float, Field(ge=0, le=1)]] = Field(
        {},
        description="Minimum confidence by kind of finding; wins over minimum_confidence. JSON object.",
    )
    calibration_file: Path | None = Field(
        None,
        description="Calibration of confidences, as `oncofhir evaluate --fit-calibration` writes it.",
    )
    card_file: Path | None = Field(
        None,
        description="Model card (Markdown), which Provenance references together with the model.",
    )
