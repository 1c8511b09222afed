"""Three brokers, of which the one that leads is killed while messages flow."""

import threading
import time
from contextlib import closing

from tapehouse.services.kafka import MOST_REPLICAS
from tests.faults.fault import Fault, Options, SkippedError
from tests.faults.lake import CAUGHT_UP_WITHIN, Lake
from tests.faults.sending import PacedSender
from tests.faults.services import kill_and_start

RATE, ROUNDS, DEAD_SECONDS = 2000, 8, 15.0


def leader_killed(lake: Lake, options: Options) -> None:
    """kill -9 of the leader of a partition at 2,000 events a second, twice: the second time of another broker.

    The hour is sent again and again: what is sent again counts once, so that its bars must equal the answers.
    """
    chance = options.chance()
    partitions = describe_partitions(lake)
    if {len(each["replica_nodes"]) for each in partitions} != {MOST_REPLICAS}:
        raise SkippedError("it needs three brokers: --profile cluster")
    driver = lake.driver(max_offsets=20_000)
    sender = PacedSender(lake, lake.tape * ROUNDS, rate=RATE)
    thread = threading.Thread(target=sender.run, name="sender")
    thread.start()
    killed = set[object]()
    try:
        for part in (1, 2):
            wait_for_share(sender, part / 3)
            leaders = {each["leader_id"] for each in describe_partitions(lake)} - killed
            leader = chance.choice(sorted(leaders, key=str))
            killed.add(leader)
            fault = Fault(
                f"kafka-{leader}", "kill -9", f"at message {sender.sent:,}, which leads a partition"
            )
            lake.meet(fault)
            kill_and_start(lake.instance, fault.target, dead_seconds=DEAD_SECONDS)
    finally:
        thread.join(10 * ROUNDS * len(lake.tape) / RATE)
    assert sender.error is None, f"the sender failed: {sender.error}"
    sent = ROUNDS * len(lake.tape)
    assert lake.messages_in_topic() == sender.acknowledged == sent, (
        f"{sent:,} sent, {sender.acknowledged:,} acknowledged, {lake.messages_in_topic():,} in the topic"
    )
    lake.seen = str(sender)
    lake.sent = len(lake.tape)
    lake.wait_caught_up(driver, seconds=2 * CAUGHT_UP_WITHIN)
    lake.finish(driver)


def describe_partitions(lake: Lake) -> list[dict[str, object]]:
    """Leader and replicas of each partition of the lake's topic."""
    from kafka import KafkaAdminClient

    with closing(KafkaAdminClient(**lake.settings.kafka.client_options())) as admin:
        (topic,) = admin.describe_topics([lake.topic])
    return list(topic["partitions"])


def wait_for_share(sender: PacedSender, share: float) -> None:
    deadline = time.monotonic() + 300
    while sender.share < share and sender.error is None:
        assert time.monotonic() < deadline, f"after 300 s only {sender.share:.0%} is sent"
        time.sleep(0.05)
