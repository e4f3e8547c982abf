"""Sessions in a signed cookie: the user, when the session began and when it was last used.

Starlette's SessionMiddleware signs the cookie. It holds nothing of a patient in clear text; the context of a
launch from the EHR is encrypted.
"""

import base64
import hashlib
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import ValidationError

from oncofhir.review.access.users import User
from oncofhir.settings import ReviewSettings

_REFRESH_SECONDS = 60.0  # a cookie with every response is not needed to measure idle minutes
_USER, _BEGAN, _USED, _PATIENT = "user", "began", "used", "patient"

Session = MutableMapping[str, Any]


class Sessions:
    """Starts, reads and ends sessions, and signs form tokens.

    A form token is bound to the user, not to the session: what somebody typed before their session expired
    can be sent after they logged in again, and by nobody else. Times are in seconds.
    """

    def __init__(
        self, key: str, settings: ReviewSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._idle = settings.session_idle_minutes * 60
        self._longest = settings.session_hours * 3600
        self._clock = clock
        self._forms = URLSafeTimedSerializer(key, salt="oncofhir-form")
        self._tickets = URLSafeTimedSerializer(key, salt="oncofhir-seen")
        digest = hashlib.sha256(b"oncofhir-launch-context" + key.encode()).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(digest))

    def start(self, session: Session, user: User, patient: str | None = None) -> None:
        """Begin a session, whatever the cookie held before. `patient` restricts the worklist."""
        now = self._clock()
        session.clear()
        session.update({_USER: user.model_dump(mode="json"), _BEGAN: now, _USED: now})
        if patient:
            session[_PATIENT] = self._cipher.encrypt(patient.encode()).decode()

    def user(self, session: Session) -> User | None:
        """The user of a session that has not expired. Notes that it was used."""
        try:
            began, used = float(session[_BEGAN]), float(session[_USED])
            user = User.model_validate(session[_USER])
        except (KeyError, TypeError, ValueError, ValidationError):
            return None
        now = self._clock()
        if now - used > self._idle or now - began > self._longest:
            return None
        if now - used > _REFRESH_SECONDS:
            session[_USED] = now
        return user

    def patient(self, session: Session) -> str | None:
        """The patient in whose context the EHR launched the page: `Patient/1`."""
        sealed = session.get(_PATIENT)
        if not isinstance(sealed, str):
            return None
        try:
            return self._cipher.decrypt(sealed.encode()).decode()
        except (InvalidToken, UnicodeDecodeError):
            return None

    def leave_patient(self, session: Session) -> None:
        """Drop the context of the launch: the worklist shows all patients again."""
        session.pop(_PATIENT, None)

    def form_token(self, user: User) -> str:
        """The token that a form of this user carries."""
        return str(self._forms.dumps(user.key))

    def is_form_token(self, token: str | None, user: User) -> bool:
        """Whether a form was rendered for this user within the longest duration of a session."""
        try:
            return bool(token) and bool(
                self._forms.loads(token or "", max_age=int(self._longest)) == user.key
            )
        except BadSignature:
            return False

    def ticket(self, user: User, finding: str, version: str | None) -> str:
        """Proof that a version of a finding was shown to this user."""
        return str(self._tickets.dumps([user.key, finding, version]))

    def shown(self, ticket: str, user: User) -> tuple[str, str | None] | None:
        """The finding and version of a ticket of this user; None for anything else."""
        try:
            key, finding, version = self._tickets.loads(ticket, max_age=int(self._longest))
        except (BadSignature, ValueError, TypeError):
            return None
        return (finding, version) if key == user.key else None
