"""Logins through authlib: OpenID Connect, and the SMART App Launch from an EHR (authorization code, PKCE)."""

from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from oncofhir.review.access.users import Role, User, user_of
from oncofhir.schemas.base import Value
from oncofhir.settings import ReviewSettings, read_secret

_REPORTS = ("DiagnosticReport/", "DocumentReference/")
_FAILURES = (AuthlibBaseError, JoseError, httpx2.HTTPError, ValueError, RuntimeError, KeyError)


class LoginFailed(Exception):
    """A login that did not succeed. The message is for the user and quotes nothing of the provider."""


class Launched(Value):
    """Who logged in, and what the EHR has in context: a patient or a report, as references at the EHR."""

    user: User
    patient: str | None = None
    report: str | None = None


class Logins:
    """The providers of the settings. `callback` is the page's address to which the browser comes back."""

    def __init__(self, settings: ReviewSettings, callback: str) -> None:
        self._settings = settings
        self._callback = callback
        self._oauth = OAuth()
        self._oidc = self._openid_provider() if settings.oidc_issuer else None
        self._ehrs = {
            iss.rstrip("/"): self._ehr(iss.rstrip("/")) for iss in settings.smart_issuers.split()
        }

    @property
    def has_oidc(self) -> bool:
        return self._oidc is not None

    async def to_provider(self, request: Request) -> Response:
        """Redirect to the OpenID provider.

        Raises:
            LoginFailed: there is none, or it does not answer.
        """
        if self._oidc is None:
            raise LoginFailed("Open this page from your EHR: nobody logs in here directly.")
        return await self._redirect(self._oidc, request, "oidc")

    async def to_ehr(self, request: Request, iss: str, launch: str) -> Response:
        """Redirect to the authorization server of the EHR that launches the page.

        Raises:
            LoginFailed: the EHR is not one of the settings, or does not answer.
        """
        issuer = iss.rstrip("/")
        if issuer not in self._ehrs or not launch:
            raise LoginFailed(
                "This EHR may not open the page. An administrator adds its FHIR base URL to "
                "ONCOFHIR_REVIEW__SMART_ISSUERS."
            )
        return await self._redirect(self._ehrs[issuer], request, issuer, aud=issuer, launch=launch)

    async def logout_address(self, user: User) -> str | None:
        """Where the provider ends its own session of a user, and then leads back to the page's login.

        None if it has no such address, does not answer, or did not log the user in. Without the ID token,
        which no cookie has room for, providers ask the user for a confirmation.
        Source: OpenID Connect RP-Initiated Logout 1.0, section 2.
        """
        if self._oidc is None or self._settings.oidc_issuer is None:
            return None
        if user.issuer.rstrip("/") != self._settings.oidc_issuer.rstrip("/"):
            return None
        try:
            known = await self._oidc.load_server_metadata()
        except _FAILURES:
            return None
        address = known.get("end_session_endpoint")
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            return None
        back = self._callback.rpartition("/")[0] + "/login"
        asked = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    async def finish(self, request: Request) -> Launched:
        """Exchange the code for tokens, validate the ID token and read who it is.

        Raises:
            LoginFailed: the response belongs to no login of this browser, its ID token is not valid, or the
                user has no role.
        """
        issuer = request.session.pop("provider", None)
        app = self._oidc if issuer == "oidc" else self._ehrs.get(str(issuer))
        if app is None:
            raise LoginFailed("This login was not started in this browser, or took too long.")
        try:
            token = await app.authorize_access_token(request)
        except _FAILURES as error:
            raise LoginFailed("The login was not completed. Try again.") from error
        claims = token.get("userinfo")
        if not claims:
            raise LoginFailed("The login names no user: the scope openid is missing.")
        default = Role(self._settings.smart_role) if self._is_smart(issuer) else None
        user = user_of(claims, str(claims.get("iss", issuer)), self._settings, default)
        if user is None:
            raise LoginFailed(
                "You are logged in, but your account has no role on this page. Ask for one of the roles "
                f"{self._settings.reviewer_role}, {self._settings.lead_role} or "
                f"{self._settings.auditor_role}."
            )
        return Launched(user=user, patient=_patient_of(token), report=_report_of(token))

    def _is_smart(self, issuer: Any) -> bool:
        return issuer != "oidc" and bool(self._settings.smart_role)

    async def _redirect(
        self, app: StarletteOAuth2App, request: Request, issuer: str, **parameters: str
    ) -> Response:
        request.session["provider"] = issuer
        try:
            redirect: Response = await app.authorize_redirect(request, self._callback, **parameters)
        except _FAILURES as error:
            raise LoginFailed("The login service does not answer. Try again later.") from error
        return redirect

    def _openid_provider(self) -> StarletteOAuth2App:
        settings = self._settings
        return self._register(
            "oidc",
            f"{settings.oidc_issuer}/.well-known/openid-configuration",
            settings.oidc_client_id,
            read_secret(settings.oidc_client_secret_file),
            settings.oidc_scopes,
        )

    def _ehr(self, issuer: str) -> StarletteOAuth2App:
        # Source: SMART App Launch 2.2.0, "Conformance": the document of the FHIR server names the endpoints,
        # and with sso-openid-connect the issuer and keys of ID tokens.
        return self._register(
            issuer,
            f"{issuer}/.well-known/smart-configuration",
            self._settings.smart_client_id,
            read_secret(self._settings.smart_client_secret_file),
            self._settings.smart_scopes,
        )

    def _register(
        self, name: str, metadata: str, client_id: str | None, secret: str | None, scopes: str
    ) -> StarletteOAuth2App:
        method = {} if secret else {"token_endpoint_auth_method": "none"}
        app: StarletteOAuth2App = self._oauth.register(
            name,
            client_id=client_id,
            client_secret=secret,
            server_metadata_url=metadata,
            client_kwargs={"scope": scopes, "code_challenge_method": "S256", **method},
        )
        return app


def _patient_of(token: dict[str, Any]) -> str | None:
    patient = token.get("patient")
    return f"Patient/{patient}" if isinstance(patient, str) and patient else None


def _report_of(token: dict[str, Any]) -> str | None:
    """The report in context (SMART App Launch 2.2.0, `fhirContext`)."""
    context = token.get("fhirContext")
    found = [c.get("reference") for c in context or () if isinstance(c, dict)]
    return next((r for r in found if isinstance(r, str) and r.startswith(_REPORTS)), None)
