"""`tapehouse redrive`: rejected messages to Kafka again, after what rejected them was put right."""

import argparse
import json
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from jobs.lake.postgres import Connection
    from jobs.lake.settings import Settings

HEADER = "redriven_from"
LOCK = 7_083_004
# less than the topic's retention
KEPT = timedelta(days=6)
READ_WITHIN = 300.0  # seconds
# where a rejected message came from at first: itself, or what it was sent again for
REJECTED = f"""
WITH rejected AS (
    SELECT *, coalesce(
        list_filter(headers, lambda h: h.key = '{HEADER}')[1].value::VARCHAR,
        topic || '/' || partition || '/' || "offset"
    ) AS root
    FROM silver.rejected
)
SELECT root, key, value, headers, epoch_us(kafka_time) // 1000 AS kafka_ms, violations
FROM rejected
WHERE (? IS NULL OR list_contains(violations, ?)) AND (? IS NULL OR kafka_time >= ?)
QUALIFY row_number() OVER (PARTITION BY root ORDER BY ingest_time DESC, "offset" DESC) = 1
ORDER BY kafka_ms, root
"""
REDRIVEN = f"""
SELECT DISTINCT h.value::VARCHAR FROM (SELECT unnest(headers) AS h FROM bronze.quotes) WHERE h.key = '{HEADER}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rule", help="those that broke this rule, such as unknown_instrument")
    parser.add_argument(
        "--since",
        type=lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")),
        metavar="TIME",
        help="those that Kafka took at this time or later, 2026-11-24T15:00Z",
    )
    parser.add_argument("--again", action="store_true", help="also those that were sent again before")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if Kafka refused one of them."""
    from jobs.lake.errors import UsageError
    from tapehouse.context import use_running_environment
    from tapehouse.delta import attach, connect

    if not args.rule and not args.since:
        raise UsageError("it is not said which", found="neither --rule nor --since", remedy="add one of them")
    settings = use_running_environment()
    with closing(_alone(settings)):
        # before the tables are looked at: what comes meanwhile is seen in both places, not in neither
        on_the_way = _on_the_way(settings)
        connection = connect()
        rows: list[tuple[Any, ...]] = []
        sent_before = on_the_way
        if "silver.rejected" in attach(connection, settings, versions={}):
            rows = _rejected(connection, args)
            sent_before |= {root for (root,) in connection.execute(REDRIVEN).fetchall()}
        if args.rule and not rows:
            _must_be_a_rule(args.rule)
        return _redrive(rows, sent_before, args, settings)


def _redrive(
    rows: list[tuple[Any, ...]], sent_before: set[str], args: argparse.Namespace, settings: "Settings"
) -> int:
    wanted = rows if args.again else [row for row in rows if row[0] not in sent_before]
    _refuse_what_kafka_would_delete(wanted, settings)
    refused = _send(wanted, settings)
    counts = {"rejected": len(rows), "sent": len(wanted) - refused, "skipped": len(rows) - len(wanted)}
    counts["refused"] = refused
    plain = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    print(json.dumps(counts) if args.json else plain)
    return 1 if refused else 0


def _must_be_a_rule(name: str) -> None:
    """Tell a rule that rejected nothing from a name that is none; an older rule is known by what it rejected."""
    from difflib import get_close_matches

    from jobs.lake.errors import UsageError
    from transforms.rules import FIELD_RULES, FRAME_PROBLEMS, SHAPE_RULES

    rules = [*SHAPE_RULES, *FRAME_PROBLEMS, *FIELD_RULES]
    if name not in rules:
        near = ", ".join(get_close_matches(name, rules)) or "none"
        raise UsageError(
            f"there is no rule {name}", found=f"near it: {near}", remedy="docs/rules.md has them all"
        )


def _rejected(connection: "duckdb.DuckDBPyConnection", args: argparse.Namespace) -> list[tuple[Any, ...]]:
    since = args.since if args.since is None or args.since.tzinfo else args.since.replace(tzinfo=UTC)
    return connection.execute(REJECTED, [args.rule, args.rule, since, since]).fetchall()


def _alone(settings: "Settings") -> "Connection":
    """A connection that keeps other runs of this command away."""
    from jobs.lake.errors import UsageError
    from jobs.lake.postgres import Connection

    connection = Connection(settings)
    if connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)) != [(True,)]:
        raise UsageError(
            "messages are being sent again already", found="another process", remedy="wait for it"
        )
    return connection


def _refuse_what_kafka_would_delete(rows: list[tuple[Any, ...]], settings: "Settings") -> None:
    """A message keeps its Kafka time, by which the topic forgets it: who reads it must be there when it is sent."""
    from jobs.lake.errors import UsageError
    from tapehouse.ledger import LedgerReader

    oldest = datetime.now(UTC) - KEPT
    if not any(datetime.fromtimestamp(row[4] / 1000, UTC) < oldest for row in rows):
        return
    with closing(LedgerReader(settings)) as ledger:
        run = ledger.newest_run("stream_quotes", topic=settings.topic)
    if run is None or run.state != "running":
        raise UsageError(
            "some of these are older than the topic keeps messages",
            found="no stream job that would read them at once",
            remedy="start spark-submit jobs/stream_quotes.py, then repeat this",
        )


def _on_the_way(settings: "Settings") -> set[str]:
    """The coordinates of what was sent again and the stream has yet to read."""
    from kafka import KafkaConsumer, TopicPartition

    from jobs.lake.errors import ServiceError
    from jobs.lake.kafka import TopicEnds, describe_topic
    from jobs.lake.progress import recorded_ends
    from tapehouse.delta import commits, open_table

    known = [commit for _, commit in commits(open_table("bronze.quotes", settings)) if commit]
    recorded = recorded_ends({"bronze.quotes": known}, topic=settings.topic)["bronze.quotes"]
    with closing(TopicEnds(settings.kafka, describe_topic(settings.kafka, settings.topic))) as asked:
        ends = asked.ask()
    behind = {p: end for p, end in ends.items() if recorded.get(p, 0) < end}
    if not behind:
        return set()
    found = set()
    with closing(KafkaConsumer(**settings.kafka.client_options(), enable_auto_commit=False)) as consumer:
        places = {TopicPartition(settings.topic, p): end for p, end in behind.items()}
        consumer.assign(list(places))
        for place in places:
            consumer.seek(place, recorded.get(place.partition, 0))
        deadline = time.monotonic() + READ_WITHIN
        while any(consumer.position(place) < end for place, end in places.items()):
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"what waits in {settings.topic} could not be read in {READ_WITHIN:.0f} s",
                    found=f"{sum(behind.values()):,} messages to look at",
                    remedy="let the stream job read them first",
                )
            for records in consumer.poll(timeout_ms=1_000).values():
                found |= {value.decode() for r in records for name, value in r.headers if name == HEADER}
    return found


def _send(rows: list[tuple[Any, ...]], settings: "Settings") -> int:
    """Send the original bytes at their original Kafka time, by which the rules judge; how many were refused."""
    from producers.kafka_sink import KafkaSink
    from tapehouse.paths import STATE

    refused = STATE / "refused" / f"redrive-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    with KafkaSink(kafka=settings.kafka, topic=settings.topic, refused_file=refused) as sink:
        for root, key, value, headers, kafka_ms, _ in rows:
            others = [(h["key"], bytes(h["value"])) for h in headers or [] if h["key"] != HEADER]
            sink.send_again(key, value, [*others, (HEADER, root.encode())], kafka_ms=kafka_ms)
    if sink.refused:
        print(f"what was refused is kept in {refused}", file=sys.stderr)
    return sink.refused
