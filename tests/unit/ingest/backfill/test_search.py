"""A search in pages, on a server that changes while it is read, loses its links, or does not sort."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.ingest.backfill.patience import Patience
from oncofhir.ingest.backfill.search import Search, parse_query
from oncofhir.schemas.errors import DependencyUnavailable, UnsuitableServer
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError

START = datetime(2020, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=1)


class Server:
    """DiagnosticReports by id → [instant, version]; pages by offset, as servers without snapshots do.

    `script` is run before each request: it changes resources. `lost` says which links fail.
    """

    base_url = "https://ehr.example/fhir"

    def __init__(self, moments, script=(), lost=(), sorts=True, states=True, most=10_000):
        self.most = most
        self.reports = {f"r{n}": [START + timedelta(seconds=s), 1] for n, s in enumerate(moments)}
        self.script = list(script)
        self.lost = list(lost)
        self.sorts = sorts
        self.states = states
        self.requests = 0

    def change(self):
        self.requests += 1
        if self.script and (number := self.script.pop(0)) is not None and self.reports:
            report = self.reports[f"r{number % len(self.reports)}"]
            report[0] = NOW + timedelta(seconds=self.requests)
            report[1] += 1

    def page(self, params, offset):
        self.change()
        bounds = params.get("_lastUpdated", [])
        least = [datetime.fromisoformat(b[2:]) for b in bounds if b.startswith("ge")]
        above = [datetime.fromisoformat(b[2:]) for b in bounds if b.startswith("gt")]
        found = [
            (moment, ident, version)
            for ident, (moment, version) in self.reports.items()
            if all(moment >= x for x in least) and all(moment > x for x in above)
        ]
        found.sort(reverse=not self.sorts)
        count = min(int(params["_count"][0]), self.most)
        some = found[offset : offset + count]
        bundle = {
            "resourceType": "Bundle",
            "entry": [{"resource": self.resource(*f)} for f in some],
        }
        if offset + count < len(found):
            query = quote(json.dumps({**params, "offset": offset + count}))
            bundle["link"] = [{"relation": "next", "url": f"https://proxy/fhir?_getpages={query}"}]
        return bundle

    def resource(self, moment, ident, version):
        meta = {"versionId": str(version)}
        if self.states:
            meta["lastUpdated"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"resourceType": "DiagnosticReport", "id": ident, "meta": meta}

    async def search_bundle(self, kind, params):
        assert kind == "DiagnosticReport"
        return self.page({name: list(values) for name, values in params.items()}, 0)

    async def read_page(self, url):
        if self.lost and self.lost.pop(0):
            raise DependencyUnavailable(Reason.STORE_FAILED, self.base_url, "HTTP 410")
        assert url.startswith(self.base_url)
        params = json.loads(parse_qs(urlsplit(url).query)["_getpages"][0])
        return self.page(params, params.pop("offset"))

    async def count(self, kind, params):
        return len(self.reports)


class Notes:
    def __init__(self):
        self.kept = {}

    def note(self, name):
        return self.kept.get(name)

    def set_note(self, name, value):
        self.kept[name] = value


def search(server, page_size=3):
    queries = [parse_query("DiagnosticReport")]
    return Search(server, queries, page_size=page_size, patience=Patience(0.0), now=lambda: NOW)


def read(server, after=None, page_size=3, limit=10_000, notes=None):
    async def everything():
        found = []
        async for page in search(server, page_size).pages(after, notes or Notes()):
            found += page
            assert len(found) < limit
        return found

    return asyncio.run(everything())


def versions(items):
    contents = [json.loads(item.raw) for item in items]
    return {(c["id"], c["meta"]["versionId"]) for c in contents}


moments = st.lists(st.integers(0, 6), max_size=14)


@given(
    moments,
    st.lists(st.none() | st.integers(0, 13), max_size=12),
    st.lists(st.booleans(), max_size=3),
    st.integers(1, 5),
    st.sampled_from([1, 2, 10_000]),
)
def test_every_report_is_read_in_its_last_version_whatever_changes_meanwhile(
    seconds, script, lost, page_size, most
):
    server = Server(seconds, script, lost, most=most)
    found = versions(read(server, page_size=page_size))
    newest = {(ident, str(version)) for ident, (_, version) in server.reports.items()}
    assert newest <= found


@given(moments, st.integers(1, 5), st.sampled_from([2, 10_000]), st.data())
def test_a_search_that_goes_on_at_any_item_reads_the_rest(seconds, page_size, most, data):
    server, notes = Server(seconds, most=most), Notes()
    every = read(server, page_size=page_size, notes=notes)
    if every:
        stop = data.draw(st.integers(0, len(every) - 1))
        rest = read(server, json.loads(json.dumps(every[stop].position)), page_size, notes=notes)
        assert versions(every[: stop + 1]) | versions(rest) == versions(every)


def test_what_is_updated_after_the_beginning_is_read_too():
    server = Server([0, 1])
    server.reports["later"] = [NOW + timedelta(hours=1), 1]
    assert {ident for ident, _ in versions(read(server))} == {"r0", "r1", "later"}


@pytest.mark.parametrize("bad", [{"sorts": False}, {"states": False}])
def test_a_server_without_order_is_refused(bad):
    server = Server(range(0, 100, 10), **bad)
    with pytest.raises(UnsuitableServer, match="oncofhir backfill export"):
        read(server)


def test_links_that_always_fail_end_the_search_with_an_error():
    server = Server([0] * 10, lost=[True] * 100, most=3)
    with pytest.raises(UnsuitableServer, match="links to further pages fail"):
        read(server)


def test_searches_are_parsed():
    query = parse_query("/DiagnosticReport?category=PAT,RAD&_lastUpdated=ge2016&status=final")
    assert query.type == "DiagnosticReport"
    assert query.merged(_lastUpdated=["lt2020"]) == {
        "category": ["PAT,RAD"],
        "_lastUpdated": ["ge2016", "lt2020"],
        "status": ["final"],
    }


@pytest.mark.parametrize(
    "text", ["Patient", "", "DiagnosticReport?_sort=date", "DocumentReference?_summary=true"]
)
def test_searches_that_cannot_be_are_refused(text):
    with pytest.raises(SettingsError):
        parse_query(text)
