"""Reports that flow through an installation, and their account: from the topics and the store alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from kafka import KafkaProducer

from tests.chaos.accounting import Account, Topics, account_of
from tests.chaos.reports import InputRecord
from tests.chaos.store import FhirStore
from tests.chaos.topics import lag
from tests.cluster.api import wait_until
from tests.cluster.releases import Fault
from tests.cluster.steps import Figures
from tests.cluster.workloads import KAFKA

_READ_SECONDS = 1_800.0
_SENT_SECONDS = 60.0


@dataclass(frozen=True)
class Flow:
    """The topics of an installation; `prefix` is what their names begin with."""

    group: str
    diagnostic_report: str = "fhir.diagnostic-report"
    document_reference: str = "fhir.document-reference"
    prefix: str = "oncology"

    @property
    def topics(self) -> Topics:
        return Topics(
            address=KAFKA,
            group=self.group,
            inputs=(self.diagnostic_report, self.document_reference),
            outcomes=f"{self.prefix}.outcomes",
            phenotypes=f"{self.prefix}.phenotypes",
            dead_letters=f"{self.prefix}.dead-letters",
        )

    def publish(self, records: Sequence[InputRecord]) -> None:
        """Publish records, and wait until the broker has them."""
        topics = {
            "DiagnosticReport": self.diagnostic_report,
            "DocumentReference": self.document_reference,
        }
        producer = KafkaProducer(bootstrap_servers=KAFKA, acks="all")
        try:
            sent = [producer.send(topics[r.type], r.value, r.key) for r in records]
            for each in sent:
                each.get(timeout=_SENT_SECONDS)
        finally:
            producer.close()

    def accounted(self, store: FhirStore) -> Account:
        """Wait until all is read, and hold the topics and the store against each other."""
        topics = self.topics
        wait_until(
            # None, when the broker does not say, is not 0.
            lambda: lag(KAFKA, topics.group, topics.inputs) == 0,
            "all is read",
            _READ_SECONDS,
        )
        return account_of(topics, store)


def add(account: Account, figures: Figures) -> None:
    """Add an account to the figures.

    Raises:
        Fault: reports are lost, duplicated or out of order, or rows are wrong.
    """
    figures.reports += account.reports
    figures.lost += len(account.lost)
    figures.duplicates += len(account.duplicates)
    wrong = {
        kind: getattr(account, kind)[:5]
        for kind in ("lost", "duplicates", "order", "rows")
        if getattr(account, kind)
    }
    if wrong:
        raise Fault(str(wrong))
