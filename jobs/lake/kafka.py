"""What a driver asks of Kafka beside its messages: which topic this is, and where it ends."""

from dataclasses import dataclass

from jobs.lake.errors import ServiceError, TopicError
from jobs.lake.progress import Offsets

# a broker that starts is found soon, and one that is away is given up
PATIENCE = {"request_timeout_ms": 10_000, "bootstrap_timeout_ms": 5_000, "reconnect_backoff_max_ms": 200}


@dataclass(frozen=True)
class Topic:
    """A topic by its name and by the id that it got when it was made."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


def describe_topic(bootstrap: str, name: str) -> Topic:
    """Ask the broker for the topic's id and partitions."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, **PATIENCE)
        try:
            found = [topic for topic in admin.describe_topics([name]) if topic.get("partitions")]
        finally:
            admin.close()
    except KafkaError as error:
        raise _no_answer(bootstrap, error) from error
    if not found:
        raise TopicError(
            f"there is no topic {name} at {bootstrap}",
            remedy=f"make it: TAPEHOUSE_TOPIC={name} make up",
        )
    partitions = tuple(sorted(p["partition_index"] for p in found[0]["partitions"]))
    return Topic(name, str(found[0]["topic_id"]), partitions)


class TopicEnds:
    """Asks for the end of each partition, over one kept connection."""

    def __init__(self, bootstrap: str, topic: Topic) -> None:
        from kafka import KafkaConsumer, TopicPartition
        from kafka.errors import KafkaError

        self._bootstrap = bootstrap
        try:
            self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, **PATIENCE)
        except KafkaError as error:
            raise _no_answer(bootstrap, error) from error
        self._partitions = [TopicPartition(topic.name, partition) for partition in topic.partitions]

    def ask(self) -> Offsets:
        from kafka.errors import KafkaError

        try:
            ends = self._consumer.end_offsets(self._partitions)
        except KafkaError as error:
            raise _no_answer(self._bootstrap, error) from error
        return {tp.partition: offset for tp, offset in ends.items()}

    def close(self) -> None:
        self._consumer.close()


def _no_answer(bootstrap: str, error: Exception) -> ServiceError:
    return ServiceError(
        f"Kafka at {bootstrap} does not answer",
        found=str(error),
        remedy="start it (`make up`), or correct TAPEHOUSE_KAFKA_BOOTSTRAP",
    )
