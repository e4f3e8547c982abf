"""A worker with exactly the rights that docs/how-to/install-with-helm.md names, and with the fewest."""

from dataclasses import replace

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.consumers.kafka.topics import ensure_topics, missing_topics
from oncofhir.schemas.errors import AccessDenied
from tests.apache_kafka.broker import ApacheKafka, Listener
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio

USER, PASSWORD = "worker", "the-password"
PLAIN = {
    "sasl.enabled.mechanisms": "PLAIN",
    "plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'user_{USER}="{PASSWORD}";',
}
READ, WRITE, DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
CONFIGS = ACLOperation.DESCRIBE_CONFIGS


@pytest.fixture(scope="module")
def broker():
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    listeners = [Listener("CLEAR", "SASL_PLAINTEXT", PLAIN)]
    with ApacheKafka(listeners=listeners, properties=properties) as started:
        yield started


def allow(anyone, *rights):
    admin = connect(KafkaAdminClient, anyone.kafka, **client_options(anyone.kafka, "test"))
    try:
        admin.create_acls(
            [
                ACL(
                    principal=f"User:{USER}",
                    host="*",
                    operation=operation,
                    permission_type=ACLPermissionType.ALLOW,
                    resource_pattern=ResourcePattern(kind, name),
                )
                for kind, name, operations in rights
                for operation in operations
            ]
        )
    finally:
        admin.close()


def fewest(kafka):
    outputs = (kafka.phenotype_topic, kafka.outcome_topic, kafka.dead_letter_topic)
    return [
        *((ResourceType.TOPIC, name, (READ, DESCRIBE)) for name in kafka.input_topics),
        (ResourceType.GROUP, kafka.group_id, (READ,)),
        *((ResourceType.TOPIC, name, (WRITE, DESCRIBE)) for name in outputs),
    ]


def named(kafka):
    topics = {name for kind, name, _ in fewest(kafka) if kind is ResourceType.TOPIC}
    return [
        *fewest(kafka),
        (ResourceType.TOPIC, kafka.outcome_topic, (READ,)),
        *((ResourceType.TOPIC, name, (CONFIGS,)) for name in topics),
    ]


@pytest.mark.parametrize(
    ("rights", "warns"), [(named, False), (fewest, True)], ids=["named", "fewest"]
)
async def test_the_rights_that_the_documentation_names_are_enough(
    broker, tmp_path, capsys, rights, warns
):
    anyone = settings_for(broker.address)
    ensure_topics(anyone.kafka, partitions=2)
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    login = {
        "bootstrap_servers": broker.address_of("CLEAR"),
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": USER,
        "sasl_password_file": password,
    }
    worker = anyone.model_copy(update={"kafka": anyone.kafka.model_copy(update=login)})
    allow(anyone, *rights(anyone.kafka))
    earlier = replace(message(anyone, b"{}", key=b"earlier"), topic=anyone.kafka.outcome_topic)
    await publish(
        anyone,
        [earlier, message(anyone, report("r")), message(anyone, b"no json", key=b"k")],
    )
    processor = InstantProcessor()
    async with running(worker, processor):
        await until(lambda: committed(anyone) == 2)
    assert len(processor.events) == 1
    assert len(read_all(anyone, anyone.kafka.dead_letter_topic)) == 1
    said = capsys.readouterr()
    assert ("outcome topic is not readable" in said.out + said.err) is warns


def test_a_topic_that_may_not_be_seen_is_not_taken_for_a_missing_one(broker, tmp_path):
    anyone = settings_for(broker.address).kafka
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    worker = anyone.model_copy(
        update={
            "bootstrap_servers": broker.address_of("CLEAR"),
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": USER,
            "sasl_password_file": password,
        }
    )
    topic = "not-for-the-worker"
    assert missing_topics([topic], anyone) == {topic}
    with pytest.raises(AccessDenied):
        missing_topics([topic], worker)
