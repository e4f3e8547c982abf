"""The account of a run, from the topics and the store alone: nothing that the worker says is believed.

What must be in the store is read from the input topics: the last version of each report, by offset.
"""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.reports import is_broken
from tests.chaos.store import FhirStore, Shown, head_version, shown_by_report
from tests.chaos.topics import lag, records_of

_SIZE = re.compile(r"Tumor size: (\d+(?:\.\d+)?) cm")
_GRADE = re.compile(r"grade (\d)")


@dataclass(frozen=True)
class Topics:
    """Where a run is read from."""

    address: str
    group: str
    inputs: tuple[str, ...]
    outcomes: str
    phenotypes: str
    dead_letters: str


@dataclass
class Account:
    """What is wrong, each a short text with ids of ours; empty lists are a good end."""

    reports: int = 0
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    dead_letters: int = 0
    dead_letter_copies: int = 0
    lag: int | None = None

    def figures(self) -> dict[str, int | None]:
        """The figures, by the names of the contract and `rows_wrong`, `dead_letter_copies`."""
        return {
            "reports": self.reports,
            "lost": len(self.lost),
            "duplicates": len(self.duplicates),
            "order_violations": len(self.order),
            "dead_letters": self.dead_letters,
            "dead_letter_copies": self.dead_letter_copies,
            "rows_wrong": len(self.rows),
            "lag": self.lag,
        }


def account_of(topics: Topics, store: FhirStore) -> Account:
    """Read everything and hold it against each other."""
    account = Account(lag=lag(topics.address, topics.group, topics.inputs))
    inputs = [r for topic in topics.inputs for r in records_of(topics.address, topic)]
    good = [record for record in inputs if not is_broken(record.key)]
    account.reports = len(good)
    last = {record.key.decode(): json.loads(record.value) for record in good}

    findings = [*store.all_of("Condition"), *store.all_of("Observation")]
    account.duplicates += _identified_twice(findings)
    _hold_against_store(account, last, shown_by_report(iter(findings)))

    heads = list(store.all_of("Task"))
    account.duplicates += _identified_twice(heads)
    _hold_against_heads(account, last, heads, store)

    outcomes = records_of(topics.address, topics.outcomes)
    _hold_against_outcomes(account, good, outcomes)
    _hold_against_rows(account, records_of(topics.address, topics.phenotypes), findings)
    broken = [record for record in inputs if is_broken(record.key)]
    _hold_against_letters(account, broken, records_of(topics.address, topics.dead_letters))
    return account


def expected(resource: Mapping[str, Any]) -> dict[str, list[str]]:
    """What must stand in the store for a version of a report, by kind."""
    if resource["status"] == "entered-in-error":
        return {}
    content = resource.get("content")
    attachment = content[0]["attachment"] if content else resource["presentedForm"][0]
    text = base64.b64decode(attachment["data"]).decode()
    size, grade = _SIZE.search(text), _GRADE.search(text)
    assert size is not None
    said = {"diagnosis": ["breast cancer"], "size": [f"{float(size[1]) * 10:g}"]}
    return said | ({"grade": [f"grade {grade[1]}"]} if grade else {})


def _hold_against_store(
    account: Account, last: Mapping[str, Mapping[str, Any]], shown: Mapping[str, Shown]
) -> None:
    for name, resource in last.items():
        wanted = expected(resource)
        standing = shown[name].standing if name in shown else {}
        for kind in {*wanted, *standing}:
            have, want = standing.get(kind, []), wanted.get(kind, [])
            if len(have) > len(want) and set(have) >= set(want):
                account.duplicates.append(f"{name} {kind}: {have}, not {want}")
            elif sorted(have) != sorted(want):
                account.lost.append(f"{name} {kind}: {have}, not {want}")
    account.duplicates += [f"{name}: of no report" for name in shown if name not in last]


def _identified_twice(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    seen: dict[str, set[str]] = defaultdict(set)
    for resource in resources:
        for identifier in resource.get("identifier", ()):
            if identifier["system"].rsplit("/", 1)[-1] in {"finding", "document", "source"}:
                seen[f"{identifier['system']}|{identifier['value']}"].add(resource["id"])
    return [f"{name}: {sorted(ids)}" for name, ids in seen.items() if len(ids) > 1]


def _hold_against_heads(
    account: Account,
    last: Mapping[str, Mapping[str, Any]],
    heads: Iterable[Mapping[str, Any]],
    store: FhirStore,
) -> None:
    by_report = {head["focus"]["reference"]: head for head in heads}
    for name, resource in last.items():
        head = by_report.get(name)
        if head is None:
            account.lost.append(f"{name}: no head")
            continue
        version = int(resource["meta"]["versionId"])
        if head_version(dict(head)) != version:
            account.lost.append(f"{name}: the head is at {head_version(dict(head))}, not {version}")
        if version > 1:
            past = [head_version(task) for task in store.versions_of(f"Task/{head['id']}")]
            if past != sorted(past):
                account.order.append(f"{name}: its head went through {past}")


def _hold_against_outcomes(account: Account, good: Iterable[Any], outcomes: Iterable[Any]) -> None:
    """Every version has an outcome, and a higher revision is never of an older version.

    A dead letter's outcome has a time for its revision, and no document's.
    """
    said = set()
    wrote: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for record in outcomes:
        row = json.loads(record.value)
        said.add((row["source"], row["source_version"]))
        if row["revision"] and row["status"] != "dead-lettered":
            wrote[row["document"]].add((row["revision"], int(row["source_version"])))
    for record in good:
        resource = json.loads(record.value)
        name = f"{resource['resourceType']}/{resource['id']}"
        if (name, resource["meta"]["versionId"]) not in said:
            account.lost.append(f"{name} version {resource['meta']['versionId']}: no outcome")
    for document, pairs in wrote.items():
        versions = [version for _, version in sorted(pairs)]
        if versions != sorted(versions):
            account.order.append(f"{document}: revisions are of versions {versions}")


def _hold_against_rows(
    account: Account, records: Iterable[Any], findings: Iterable[Mapping[str, Any]]
) -> None:
    """The latest row of a finding says of its resource what the store says."""
    latest: dict[str, dict[str, Any]] = {}
    for record in records:
        row = json.loads(record.value)
        if row["revision"] >= latest.get(row["finding"], row)["revision"]:
            latest[row["finding"]] = row
    current = {row["resource"] for row in latest.values() if row["status"] == "current"}
    standing = {
        f"{resource['resourceType']}/{resource['id']}"
        for resource in findings
        if "entered-in-error"
        not in json.dumps([resource.get("status"), resource.get("verificationStatus")])
    }
    account.rows += [f"{name}: stands without a row" for name in sorted(standing - current)]
    account.rows += [f"{name}: a row and no resource" for name in sorted(current - standing)]


def _hold_against_letters(account: Account, broken: Iterable[Any], letters: Iterable[Any]) -> None:
    """Each broken record lies in the dead letters as it was, and no other does."""
    found: dict[tuple[str, int, int], Any] = {}
    for letter in letters:
        added = {name: value.decode() for name, value in letter.headers}
        if "oncofhir-reason" in added:
            place = (
                added["oncofhir-topic"],
                int(added["oncofhir-partition"]),
                int(added["oncofhir-offset"]),
            )
            account.dead_letter_copies += place in found
            found[place] = letter
    for record in broken:
        letter = found.pop((record.topic, record.partition, record.offset), None)
        if letter is None or (letter.key, letter.value) != (record.key, record.value):
            account.lost.append(f"{record.key.decode()}: no dead letter that equals it")
        else:
            account.dead_letters += 1
    account.lost += [f"{topic}-{n}@{at}: dead-lettered, and whole" for topic, n, at in found]
