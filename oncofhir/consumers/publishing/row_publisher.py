"""Publishes the rows of a report, with the trace they belong to."""

from collections.abc import Sequence

from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.publishing.row_messages import outcome_message, phenotype_messages
from oncofhir.consumers.tracing.messaging import send_span, with_trace
from oncofhir.consumers.tracing.stages import Stages
from oncofhir.schemas.outcome import Processed
from oncofhir.schemas.tracing.tracer import Tracer, carried
from oncofhir.settings import KafkaSettings
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics


class RowPublisher:
    """Publishes to the phenotype and outcome topics. For one event loop."""

    def __init__(
        self,
        publisher: Publisher,
        kafka: KafkaSettings,
        metrics: Metrics,
        tracer: Tracer,
    ) -> None:
        self._publisher = publisher
        self._kafka = kafka
        self._metrics = metrics
        self._tracer = tracer
        self._stages = Stages(metrics, tracer)

    async def publish(self, processed: Processed, record: SourceRecord) -> None:
        """Publish the findings before the outcome: a reader of the outcome may rely on them.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: as `Publisher.publish`.
        """
        with self._stages.timed("publish"):
            rows = phenotype_messages(processed, record, self._kafka)
            await self._send(rows, record)
            await self._send([outcome_message(processed.outcome, record, self._kafka)], record)
        if rows:
            self._metrics.count(m.ROWS, self._kafka.phenotype_topic, by=len(rows))
        self._metrics.count(m.ROWS, self._kafka.outcome_topic)

    async def _send(self, messages: Sequence[Message], record: SourceRecord) -> None:
        if not messages:
            return
        with send_span(self._tracer, [message.topic for message in messages], len(messages)):
            trace = carried(self._tracer, record.headers)
            await self._publisher.publish([with_trace(message, trace) for message in messages])
