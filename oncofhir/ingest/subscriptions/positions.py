"""Where a restarted bridge continues: what the last records of the topics say."""

from collections.abc import Mapping
from contextlib import suppress

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.ingest.subscriptions.state import SUBSCRIPTION_HEADER, SubscriptionState
from oncofhir.settings import KafkaSettings

# Of each partition. Records of other producers between those of the bridge make this matter.
_LAST_RECORDS = 500


def restore_positions(states: Mapping[str, SubscriptionState], settings: KafkaSettings) -> None:
    """Continue each Subscription at its latest position in the last records of the live topics. Blocking.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: the broker cannot be read.
    """
    with bounded_reader(settings) as reader:
        for topic in settings.live_topics:
            for record in reader.read_last(topic, _LAST_RECORDS):
                headers: dict[str, str] = {}
                for name, value in record.headers:
                    with suppress(UnicodeDecodeError):
                        headers[str(name)] = (value or b"").decode("ascii")
                state = states.get(headers.get(SUBSCRIPTION_HEADER, ""))
                if state is not None:
                    state.restore(headers, record.timestamp)
