"""Users, topic and rules of a Kafka that asks who one is. Safe to repeat: what is there stays as it is."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import SecretStr

from jobs.lake.errors import ServiceError
from jobs.lake.kafka import PATIENCE
from jobs.lake.kafka_address import GROUP_PREFIX, MECHANISM, KafkaAddress
from tapehouse.services.kafka import MOST_REPLICAS, PARTITIONS, TOPIC_CONFIGURATION

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

ADMIN = "admin"
# each user, and the name in the environment of its password
PASSWORDS = {
    "producer": "KAFKA_PRODUCER_PASSWORD",
    "stream": "KAFKA_STREAM_PASSWORD",
    "monitor": "KAFKA_MONITOR_PASSWORD",
}
ITERATIONS = 8192
HEARD_WITHIN = 15.0


class Rule(NamedTuple):
    """What a user may do with a resource; the words are Kafka's. A `name` of `*` is of all."""

    user: str
    operation: str
    resource: str
    name: str
    pattern: str = "LITERAL"


def rules(topic: str) -> list[Rule]:
    """All that each user may do."""
    return [
        Rule("producer", "WRITE", "TOPIC", topic),
        Rule("producer", "DESCRIBE", "TOPIC", topic),
        Rule("stream", "READ", "TOPIC", topic),
        Rule("stream", "DESCRIBE", "TOPIC", topic),
        Rule("stream", "READ", "GROUP", GROUP_PREFIX, "PREFIXED"),
        # where a topic ends is told to whom may describe it
        Rule("monitor", "DESCRIBE", "TOPIC", topic),
        Rule("monitor", "DESCRIBE_CONFIGS", "TOPIC", topic),
        Rule("monitor", "DESCRIBE", "GROUP", "*"),
        Rule("monitor", "DESCRIBE_CONFIGS", "GROUP", "*"),
        Rule("monitor", "DESCRIBE", "CLUSTER", "kafka-cluster"),
        Rule("monitor", "DESCRIBE_CONFIGS", "CLUSTER", "kafka-cluster"),
    ]


def provision_kafka(
    admin: KafkaAddress, *, passwords: Mapping[str, SecretStr], topic: str, brokers: int = 1
) -> list[str]:
    """Make the users of `passwords`, the topic and the rules; a line for each thing that was made or changed.

    A user whose password is another one than before gets it. With fewer than `brokers` brokers nothing is made: the
    topic would have fewer replicas for ever.
    """
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    with admin.connecting():
        client = KafkaAdminClient(**admin.client_options(), **PATIENCE)
    with closing(client):
        try:
            replicas = _replicas(client, at_least=brokers)
            return [
                *_make_users(client, admin, passwords),
                *_make_topic(client, topic, replicas),
                *_make_rules(client, rules(topic)),
            ]
        except KafkaError as error:
            raise ServiceError(
                f"Kafka at {admin.bootstrap} did not do what {admin.user} asked for",
                found=str(error),
                remedy="let a user do it who may: the one that docker/kafka/start.sh made is called admin",
            ) from error


def _replicas(client: "KafkaAdminClient", *, at_least: int) -> int:
    found = len(client.describe_cluster()["brokers"])
    if found < at_least:
        raise ServiceError(
            "not all brokers of the cluster are there",
            found=f"{found} of {at_least}",
            remedy="start the others, then repeat this",
        )
    return min(found, MOST_REPLICAS)


def _make_users(
    client: "KafkaAdminClient", admin: KafkaAddress, passwords: Mapping[str, SecretStr]
) -> Iterator[str]:
    from kafka.admin import UserScramCredentialUpsertion

    known = client.describe_user_scram_credentials()
    for user, password in passwords.items():
        if user in known and _is_let_in(KafkaAddress(admin.bootstrap, user, password, admin.tls_ca)):
            continue
        upsertion = UserScramCredentialUpsertion(
            user, MECHANISM, password.get_secret_value(), iterations=ITERATIONS
        )
        for problem in filter(None, client.alter_user_scram_credentials([upsertion]).values()):
            raise ServiceError(
                f"Kafka does not take the user {user}", found=problem, remedy="set another password"
            )
        yield f"user {user}: {'another password' if user in known else 'made'}"
    _wait(lambda: set(passwords) <= set(client.describe_user_scram_credentials()), what="the users")


def _is_let_in(kafka: KafkaAddress) -> bool:
    """Whether this is the user's password already."""
    from kafka import KafkaAdminClient

    try:
        with kafka.connecting():
            KafkaAdminClient(**kafka.client_options(), **PATIENCE).close()
    except ServiceError:
        return False
    return True


def _make_topic(client: "KafkaAdminClient", topic: str, replicas: int) -> Iterator[str]:
    if topic in client.list_topics():
        return
    # of three one may be away, and what was acknowledged is on two
    in_sync = {"min.insync.replicas": "2" if replicas == MOST_REPLICAS else "1"}
    configuration = TOPIC_CONFIGURATION | in_sync
    made = {"num_partitions": PARTITIONS, "replication_factor": replicas, "configs": configuration}
    client.create_topics({topic: made}, wait_for_metadata=True)
    yield f"topic {topic}: {PARTITIONS} partitions, on {replicas} brokers each"


def _make_rules(client: "KafkaAdminClient", wanted: list[Rule]) -> Iterator[str]:
    acls = {_acl(rule): rule for rule in wanted}
    missing = set(acls) - _all_acls(client)
    made = client.create_acls([acl for acl in acls if acl in missing])
    if made["failed"]:
        raise made["failed"][0]
    for acl in made["succeeded"]:
        rule = acls[acl]
        yield f"rule: {rule.user} may {rule.operation} the {rule.resource} {rule.name} ({rule.pattern})"
    _wait(lambda: set(acls) <= _all_acls(client), what="the rules")


def _wait(condition: Callable[[], bool], *, what: str) -> None:
    """Until a broker has heard from the controller."""
    deadline = time.monotonic() + HEARD_WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(
                f"{what} were made and no broker knows of them",
                found=f"nothing new in {HEARD_WITHIN:.0f} s",
                remedy="read the logs of brokers and controllers, then repeat this",
            )
        time.sleep(0.1)


def _acl(rule: Rule) -> Any:
    from kafka import admin as kafka

    pattern = kafka.ACLResourcePatternType[rule.pattern]
    resource = kafka.ResourcePattern(kafka.ResourceType[rule.resource], rule.name, pattern)
    operation, allow = kafka.ACLOperation[rule.operation], kafka.ACLPermissionType.ALLOW
    return kafka.ACL(f"User:{rule.user}", "*", operation, allow, resource)


def _all_acls(client: "KafkaAdminClient") -> set[Any]:
    from kafka import admin as kafka

    anything = kafka.ResourcePatternFilter(kafka.ResourceType.ANY, None, kafka.ACLResourcePatternType.ANY)
    of_anybody = kafka.ACLFilter(None, None, kafka.ACLOperation.ANY, kafka.ACLPermissionType.ANY, anything)
    found, _ = client.describe_acls(of_anybody)
    return set(found)
