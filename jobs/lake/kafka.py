"""What a driver asks of Kafka beside its messages: which topic this is, and where it ends."""

from dataclasses import dataclass

from jobs.lake.errors import TopicError
from jobs.lake.kafka_address import KafkaAddress
from jobs.lake.progress import Offsets

# a broker that starts is found soon, and one that is away is given up
PATIENCE = {"request_timeout_ms": 10_000, "bootstrap_timeout_ms": 5_000, "reconnect_backoff_max_ms": 200}
# of a topic that the user may not see
NOT_ALLOWED = 29


@dataclass(frozen=True)
class Topic:
    """A topic by its name and by the id that it got when it was made."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


def describe_topic(kafka: KafkaAddress, name: str) -> Topic:
    """Ask the broker for the topic's id and partitions."""
    from kafka import KafkaAdminClient

    with kafka.connecting():
        admin = KafkaAdminClient(**kafka.client_options(), **PATIENCE)
        try:
            found = admin.describe_topics([name])
        finally:
            admin.close()
    if any(topic["error_code"] == NOT_ALLOWED for topic in found):
        raise _not_allowed(kafka, name)
    found = [topic for topic in found if topic.get("partitions")]
    if not found:
        raise TopicError(
            f"there is no topic {name} at {kafka.bootstrap}",
            remedy=f"make it: TAPEHOUSE_TOPIC={name} make up",
        )
    partitions = tuple(sorted(p["partition_index"] for p in found[0]["partitions"]))
    return Topic(name, str(found[0]["topic_id"]), partitions)


class TopicEnds:
    """Asks for the end of each partition, over one kept connection."""

    def __init__(self, kafka: KafkaAddress, topic: Topic) -> None:
        from kafka import KafkaConsumer, TopicPartition

        self._kafka, self._topic = kafka, topic
        with kafka.connecting():
            self._consumer = KafkaConsumer(**kafka.client_options(), **PATIENCE)
        self._partitions = [TopicPartition(topic.name, partition) for partition in topic.partitions]

    def ask(self) -> Offsets:
        from kafka.errors import KafkaError, TopicAuthorizationFailedError

        try:
            ends = self._consumer.end_offsets(self._partitions)
        except TopicAuthorizationFailedError as error:
            raise _not_allowed(self._kafka, self._topic.name) from error
        except KafkaError as error:
            raise self._kafka.no_answer(str(error)) from error
        return {tp.partition: offset for tp, offset in ends.items()}

    def close(self) -> None:
        self._consumer.close()


def _not_allowed(kafka: KafkaAddress, name: str) -> TopicError:
    return TopicError(
        f"the user {kafka.user} may not look at the topic {name} at {kafka.bootstrap}",
        found="no rule of the broker that allows it, or no such topic",
        remedy="let the broker's admin make topic and rules, or correct TAPEHOUSE_KAFKA_USER: docs/kafka.md",
    )
