"""`oncofhir backfill export` as a process, against a server that follows the Bulk Data IG by a script."""

import pytest
import trustme

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.builders import CANARY
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.backfill_kills import (
    ended,
    record_counter,
    repetitions,
    resource,
    run,
    run_with_kills,
    start,
)
from tests.integration.ingest.bulk_server import TOKEN, BulkServer, line, outcome
from tests.serving import served
from tests.waiting import wait_until


@pytest.fixture
def settings(broker):
    made = settings_for(broker.address, history=True)
    ensure_topics(made.kafka, partitions=2)
    return made


def files_of(count, per_file=40):
    """The reports of history by type, in files of the export."""
    by_type = {"DiagnosticReport": [], "DocumentReference": []}
    for number in range(count):
        made = resource(number)
        by_type[made["resourceType"]].append(line(made))
    return {
        kind: [lines[n : n + per_file] for n in range(0, len(lines), per_file)]
        for kind, lines in by_type.items()
    }


def lines_of(files):
    return [each for lists in files.values() for some in lists for each in some]


def on_topics(settings):
    return [r for topic in settings.kafka.backfill_topics for r in read_all(settings, topic)]


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Set the server's address and token for commands."""
    token = tmp_path / "token"
    token.write_text(TOKEN)

    def use(url):
        monkeypatch.setenv("ONCOFHIR_FHIR__BASE_URL", f"{url}/fhir")
        monkeypatch.setenv("ONCOFHIR_FHIR__TOKEN_FILE", str(token))

    return use


def exported(server, settings, folder, environment, *arguments):
    with served(server.app()) as url:
        environment(url)
        done = run(["export", *arguments], settings, folder)
    assert not server.violations
    assert not list(folder.glob("*.files"))
    return done


def test_everything_is_published_once_and_the_server_told_to_remove_it(
    settings, tmp_path, environment
):
    files = files_of(120) | {"Patient": [[b'{"resourceType": "Patient", "id": "1"}']]}
    server = BulkServer(files, polls=2, kick_offs=[429])
    done = exported(server, settings, tmp_path, environment, "--since", "2016-01-01")
    assert done.returncode == 0, done.stderr
    assert "the server prepares the export, 50% done" in done.stderr
    assert "_type=DiagnosticReport%2CDocumentReference" in server.requests[-1]
    assert "_since=2016-01-01T00%3A00%3A00%2B00%3A00" in server.requests[-1]
    assert (done.summary["read"], done.summary["published"]) == (120, 120)
    assert done.summary["export"]["transaction_time"] == "2026-11-20T10:00:00Z"
    assert done.summary["export"]["files_left_out"] == 1
    assert server.removed == [1]
    del files["Patient"]
    assert repetitions(on_topics(settings), lines_of(files)) == 0


def test_files_that_want_no_token_get_none(settings, tmp_path, environment):
    server = BulkServer(files_of(10), requires_token=False)
    assert exported(server, settings, tmp_path, environment).returncode == 0
    assert len(on_topics(settings)) == 10


@pytest.mark.parametrize("expires_after", [0, 1, 2])
def test_an_export_that_expires_is_started_again_and_nothing_published_again(
    settings, tmp_path, environment, expires_after
):
    files = files_of(120)
    server = BulkServer(files, polls=0, expires_after=expires_after, expiries=1)
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert len(server.jobs) == 2
    assert repetitions(on_topics(settings), lines_of(files)) == 0
    assert done.summary["published"] == 120
    assert done.summary["read"] == 120 + done.summary["read_again"]


def test_exports_that_always_expire_end_with_an_error(settings, tmp_path, environment):
    server = BulkServer(files_of(10), polls=0, expires_after=0, expiries=99)
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 3
    assert "exports fail" in done.stderr
    assert "resume with: oncofhir backfill export" in done.stderr
    assert len(server.jobs) == 3


def test_polls_that_fail_for_a_moment_and_exports_that_fail_are_told_apart(
    settings, tmp_path, environment
):
    server = BulkServer(files_of(10), polls=0)
    server.statuses = [
        (503, {}),
        (500, outcome("transient")),
        (429, {}),
        (500, outcome("processing")),
    ]
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert len(server.jobs) == 2  # only the last of them ended the export


def test_what_the_server_could_not_export_makes_the_result_wrong(settings, tmp_path, environment):
    errors = [line(outcome("processing")), line(outcome("x", "warning")), b"{broken"]
    server = BulkServer(files_of(10), errors=errors)
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 1
    assert done.summary["export"]["issues"] == {"error": 2, "warning": 1}


def test_downloads_that_fail_for_a_moment_are_repeated(settings, tmp_path, environment):
    server = BulkServer(files_of(10), downloads=[503, 429, 500])
    done = exported(server, settings, tmp_path, environment)
    assert (done.returncode, done.summary["published"]) == (0, 10), done.stderr


def test_a_file_that_is_cut_off_is_downloaded_again(settings, tmp_path, environment):
    done = exported(BulkServer(files_of(10), short=1), settings, tmp_path, environment)
    assert (done.returncode, done.summary["published"]) == (0, 10)


def test_a_file_that_stays_short_makes_the_result_wrong(settings, tmp_path, environment):
    server = BulkServer({"DiagnosticReport": files_of(3)["DiagnosticReport"]}, short=99)
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 1
    assert done.summary["export"]["incomplete_files"] == 1


def test_deletions_are_published_as_the_worker_reads_them(settings, tmp_path, environment):
    entry = {"request": {"method": "DELETE", "url": "DiagnosticReport/old-1"}}
    deletion = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    server = BulkServer(files_of(2), deleted_lines=[line(deletion)])
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert done.summary["published_by_type"]["DiagnosticReport"] == {"final": 1, "deleted": 1}
    last = [r for r in on_topics(settings) if r.value == line(deletion)]
    assert [r.key for r in last] == [b"DiagnosticReport/old-1"]


@pytest.mark.parametrize("status", [404, 501])
def test_a_server_without_exports_is_named_at_once(settings, tmp_path, environment, status):
    server = BulkServer({}, kick_offs=[status])
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 3
    assert "no Bulk Data export here" in done.stderr
    assert "oncofhir backfill search" in done.stderr


def test_credentials_that_are_refused_are_named(settings, tmp_path, environment):
    (tmp_path / "token").write_text("another")
    server = BulkServer(files_of(3))
    with served(server.app()) as url:
        environment(url)
        (tmp_path / "token").write_text("another")
        done = run(["export"], settings, tmp_path)
    assert done.returncode == 3
    assert "store-access-denied" in done.stderr


def test_kills_repeat_one_page_each_at_most_and_go_on_with_the_same_export(
    settings, tmp_path, environment
):
    files = files_of(600, per_file=150)
    server = BulkServer(files, polls=0, counts=False)
    with served(server.app()) as url, record_counter(settings) as published:
        environment(url)
        arguments = ["export", "--page-size", "50", "--rate", "300/s"]
        done, kills = run_with_kills(arguments, settings, tmp_path, [100, 350], published)
    assert done.returncode == 0, done.stderr
    assert kills == 2
    assert len(server.jobs) == 1
    assert 0 <= repetitions(on_topics(settings), lines_of(files)) <= kills * 50


def test_a_signal_while_the_server_prepares_ends_it_and_the_export_is_waited_for_again(
    settings, tmp_path, environment
):
    server = BulkServer(files_of(10), polls=10_000)
    with served(server.app()) as url:
        environment(url)
        process = start(["export"], settings, tmp_path)
        wait_until(lambda: server.jobs and server.jobs[1]["polls"])
        process.terminate()
        stopped = ended(process, tmp_path)
        assert stopped.returncode == 130
        server.polls = 0
        done = run(["export"], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(server.jobs) == 1


def test_nothing_that_the_server_says_is_printed(settings, tmp_path, environment):
    server = BulkServer(files_of(3), kick_offs=[422])
    done = exported(server, settings, tmp_path, environment)
    assert done.returncode == 1
    assert CANARY not in done.stderr
    assert "store-rejected" in done.stderr


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    authority = trustme.CA()
    file = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("ONCOFHIR_FHIR__CA_FILE", str(tmp_path / "ca.pem"))
    return str(file)


def test_the_token_goes_to_another_server_only_if_the_operator_names_it(
    settings, tmp_path, environment, certificate
):
    files = files_of(20)
    server = BulkServer(files)
    with served(server.app()) as url, served(server.app(), certificate) as other:
        server.files_url = other
        environment(url)
        refused = run(["export"], settings, tmp_path)
        assert refused.returncode == 3
        assert f"--file-origin {other}" in refused.stderr
        assert not server.files_asked
        done = run(["export", "--file-origin", other], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(server.files_asked) == {(other, True)}
    assert len(on_topics(settings)) == len(lines_of(files))


def test_the_token_goes_to_no_server_without_tls(settings, tmp_path, environment):
    server = BulkServer(files_of(2))
    with served(server.app()) as url, served(server.app()) as other:
        server.files_url = other
        environment(url)
        refused = run(["export"], settings, tmp_path)
        named = run(["export", "--file-origin", other], settings, tmp_path)
    assert refused.returncode == 3
    assert "without TLS" in refused.stderr
    assert named.returncode == 2
    assert "https" in named.stderr
    assert not server.files_asked
