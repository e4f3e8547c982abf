from oncofhir.review.access.sessions import Sessions
from oncofhir.review.access.users import Role, User
from oncofhir.settings import ReviewSettings

KEY = "k" * 32
ANNE = User(issuer="https://login.example.org", subject="1", name="Anne", role=Role.REVIEWER)
BEN = User(issuer="https://login.example.org", subject="2", name="Ben", role=Role.REVIEWER)
MINUTE = 60.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def started(**settings):
    clock = Clock()
    sessions, cookie = Sessions(KEY, ReviewSettings(**settings), clock), {}
    sessions.start(cookie, ANNE)
    return sessions, cookie, clock


def test_a_session_names_its_user():
    sessions, cookie, _ = started()
    assert sessions.user(cookie) == ANNE


def test_a_session_ends_after_idle_minutes():
    sessions, cookie, clock = started(session_idle_minutes=30)
    clock.now += 29 * MINUTE
    assert sessions.user(cookie) == ANNE
    clock.now += 29 * MINUTE
    assert sessions.user(cookie) == ANNE
    clock.now += 31 * MINUTE
    assert sessions.user(cookie) is None


def test_a_session_ends_after_its_longest_duration_however_busy():
    sessions, cookie, clock = started(session_idle_minutes=30, session_hours=1)
    for _ in range(3):
        clock.now += 20 * MINUTE
        assert sessions.user(cookie) == ANNE
    clock.now += 1
    assert sessions.user(cookie) is None


def test_what_is_no_session_is_nobody():
    sessions = Sessions(KEY, ReviewSettings())
    for cookie in ({}, {"user": {}, "began": "x", "used": None}, {"began": 1, "used": 1}):
        assert sessions.user(cookie) is None


def test_a_login_drops_what_the_cookie_held_before():
    sessions, cookie, _ = started()
    cookie["planted"] = "x"
    sessions.start(cookie, BEN)
    assert "planted" not in cookie
    assert sessions.user(cookie) == BEN


def test_the_patient_of_a_launch_is_not_readable_in_the_cookie():
    sessions, cookie, _ = started()
    sessions.start(cookie, ANNE, "Patient/CANARY-7")
    assert "CANARY" not in repr(cookie)
    assert sessions.patient(cookie) == "Patient/CANARY-7"
    assert Sessions("another key" * 4, ReviewSettings()).patient(cookie) is None
    sessions.leave_patient(cookie)
    assert sessions.patient(cookie) is None


def test_a_form_survives_a_new_session_of_its_user_and_of_nobody_else():
    sessions, cookie, _ = started()
    token = sessions.form_token(ANNE)
    sessions.start(cookie, ANNE)
    assert sessions.is_form_token(token, ANNE)
    assert not sessions.is_form_token(token, BEN)
    assert not sessions.is_form_token(token + "x", ANNE)
    assert not sessions.is_form_token(None, ANNE)
    assert not Sessions("another key" * 4, ReviewSettings()).is_form_token(token, ANNE)


def test_a_finding_is_confirmed_with_others_only_by_whom_it_was_shown_to():
    sessions, _, _ = started()
    ticket = sessions.ticket(ANNE, "finding-1", "3")
    assert sessions.shown(ticket, ANNE) == ("finding-1", "3")
    assert sessions.shown(ticket, BEN) is None
    assert sessions.shown("x" + ticket, ANNE) is None
    assert sessions.shown(sessions.form_token(ANNE), ANNE) is None
    assert Sessions("another key" * 4, ReviewSettings()).shown(ticket, ANNE) is None
