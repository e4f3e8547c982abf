"""Settings of `oncofhir review`: where the page is served, who may log in, and what it lists."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from oncofhir.settings.base import Group, HttpUrl


class ReviewSettings(Group):
    """The reviewer's page.

    Without `oidc_issuer` and `smart_issuers` one local reviewer works without a login, on a loopback address
    only. With one of them everybody logs in, and the claim `role_claim` says what they may do.
    """

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8070, ge=0, le=65535, description="Port of the page. 0: a free port.")
    public_url: HttpUrl | None = Field(
        None,
        description="URL under which browsers reach the page, for redirects after a login. Required with "
        "OIDC or SMART; https makes the session cookie Secure.",
    )
    local_reviewer: str = Field(
        "Local reviewer",
        min_length=1,
        description="Name of the reviewer in single-user mode; it is recorded with every verdict.",
    )
    oidc_issuer: HttpUrl | None = Field(
        None,
        description="OpenID Connect issuer whose users may log in. Default: none, single-user mode.",
    )
    oidc_client_id: str | None = Field(None, description="Client id at the OpenID provider.")
    oidc_client_secret_file: Path | None = Field(
        None, description="File with the client secret at the OpenID provider."
    )
    oidc_scopes: str = Field("openid profile", description="Scopes to request at a login.")
    smart_issuers: str = Field(
        "",
        description="FHIR servers of EHRs that may launch the page (SMART App Launch, iss), separated by "
        "blanks. Others are refused.",
    )
    smart_client_id: str | None = Field(None, description="Client id at the EHR.")
    smart_client_secret_file: Path | None = Field(
        None,
        description="File with the client secret at the EHR; without it a public client (PKCE).",
    )
    smart_scopes: str = Field(
        "launch openid fhirUser", description="Scopes to request at a launch from the EHR."
    )
    smart_role: str = Field(
        "",
        pattern="^(reviewer|lead|auditor)?$",
        description="Role of users whom the EHR launches without a role in `role_claim`: reviewer, lead or "
        "auditor. Default: none, they are refused.",
    )
    role_claim: str = Field(
        "roles",
        min_length=1,
        description="Claim of the ID token that lists a user's roles; a dot enters an object "
        "(realm_access.roles).",
    )
    reviewer_role: str = Field(
        "oncofhir-reviewer",
        min_length=1,
        description="Value of the claim for a reviewer, who decides.",
    )
    lead_role: str = Field(
        "oncofhir-lead",
        min_length=1,
        description="Value of the claim for a lead, who decides and sees how reviewers agree.",
    )
    auditor_role: str = Field(
        "oncofhir-auditor",
        min_length=1,
        description="Value of the claim for an auditor, who sees everything and decides nothing.",
    )
    session_key_file: Path | None = Field(
        None,
        description="File with at least 32 random characters that sign sessions; the same for all replicas. "
        "Default: a new key at each start, which ends all sessions.",
    )
    session_idle_minutes: PositiveFloat = Field(
        30.0, description="A session ends after this time without a request."
    )
    session_hours: PositiveFloat = Field(
        10.0, description="A session ends after this time, whatever happens."
    )
    page_size: PositiveInt = Field(
        50, le=500, description="Findings on one page of the worklist, and of a report."
    )
    frame_ancestors: str = Field(
        "",
        description="Origins that may show the page in a frame, separated by blanks, for an EHR that embeds "
        "it. Default: none.",
    )

    @property
    def requires_login(self) -> bool:
        return bool(self.oidc_issuer or self.smart_issuers)

    @model_validator(mode="after")
    def _is_complete(self) -> "ReviewSettings":
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("OIDC_ISSUER needs OIDC_CLIENT_ID")
        if self.smart_issuers and not self.smart_client_id:
            raise ValueError("SMART_ISSUERS needs SMART_CLIENT_ID")
        if self.requires_login and not self.public_url:
            raise ValueError("a login needs PUBLIC_URL, where the browser comes back to")
        return self


class WorklistSettings(Group):
    """The local index of findings that `oncofhir review` lists, and the watch of the FHIR server."""

    index_file: Path = Field(
        Path("oncofhir-review.sqlite"),
        description="File of the index (SQLite). It holds references and values of findings, no words of a "
        "report, and can be deleted: it is rebuilt from the FHIR server.",
    )
    poll_seconds: PositiveFloat = Field(
        15.0, description="Time between two looks for changes on the FHIR server."
    )
    low_confidence: float = Field(
        0.6, ge=0, le=1, description="Findings below this confidence are listed as low-confidence."
    )
