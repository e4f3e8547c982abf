"""The model server, or the checkpoint, and what is asked of it."""

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
    """Which HTTP API the model server speaks; `transformers`: none, a checkpoint runs in this process."""

    TGI = "tgi"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_CHAT = "openai-chat"
    TRANSFORMERS = "transformers"


def _http_urls(urls: str) -> str:
    if urls.startswith("/"):
        return urls
    return " ".join(http_url(url) for url in urls.replace(",", " ").split()) or http_url(urls)


class ModelSettings(Group):
    """The model server, or its replicas."""

    url: Annotated[str, AfterValidator(_http_urls)] = Field(
        "http://localhost:8080",
        description="several, with blanks or commas between, are replicas; "
        "with the API transformers a checkpoint's folder",
    )
    adapter: Path | None = Field(
        None,
        description="a LoRA adapter's folder, with the API transformers; servers take it merged",
    )
    resolve_replicas: bool = Field(
        False, description="every address of the URL's host name is a replica (a headless Service)"
    )
    api: ModelApi = ModelApi.TGI
    token_file: Path | None = None
    ca_file: Path | None = Field(None, description="authorities to trust instead of the system's")
    cert_file: Path | None = Field(None, description="shown to the server, with its chain")
    key_file: Path | None = Field(None, description="of the certificate, if not in the same file")
    prompt_set: str = "cancerllm"
    tokenizer_file: Path | None = Field(
        None,
        description="the model's tokenizer.json, to cut long reports by; "
        "default: the server is asked, else characters count",
    )
    timeout_seconds: PositiveFloat = 120.0
    max_concurrency: PositiveInt = Field(
        32, description="most requests at a replica at a time; how many is found out by its answers"
    )
    inferred_diagnosis: bool = Field(True, description="write diagnoses that the model concluded")
    minimum_confidence: float = Field(0.0, ge=0, le=1, description="below it a finding is rejected")
    min_confidence: dict[FindingKind, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, description="the same by kind of finding, before minimum_confidence: a table"
    )
    calibration_file: Path | None = Field(
        None, description="makes confidences shares of right answers; from evaluate"
    )
    card_file: Path | None = Field(
        None, description="the model's card, Markdown; Provenance names it beside the model"
    )
