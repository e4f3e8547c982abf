"""Reads the committed offsets of a consumer group without joining it."""

from contextlib import closing

from kafka import KafkaAdminClient
from kafka.errors import GroupIdNotFoundError, KafkaError

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.consumers.kafka.records import Partition
from oncofhir.settings import KafkaSettings


def committed_offsets(settings: KafkaSettings) -> dict[Partition, int]:
    """Return the committed offset of each partition: the first record that the group has not finished.

    Blocking. A group that has committed nothing has none.

    Raises:
        DependencyUnavailable, AccessDenied: as the broker answers.
    """
    admin = connect(KafkaAdminClient, settings, **client_options(settings, "reader"))
    with closing(admin):
        try:
            found = admin.list_group_offsets({settings.group_id: None})[settings.group_id]
        except GroupIdNotFoundError:
            return {}
        except KafkaError as error:
            raise translate_error(error, settings) from error
    return {(at.topic, at.partition): committed.offset for at, committed in found.items()}
