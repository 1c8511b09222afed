"""What one look at the stream finds: whether it runs, is fresh and keeps up, and whether producers send to it."""

import itertools
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.arguments import FOLLOWED_SOURCES
from tapehouse.exchange_hours import is_open

if TYPE_CHECKING:
    from jobs.lake.guard_looks import Look
    from jobs.lake.settings import Settings

STOPPED, STALE, GROWS, SILENT = "stream_stopped", "stream_stale", "stream_lag_grows", "producer_silent"
CRASHES = "stream_crashes"
START, LEAVE = "start", "leave"
# the guard looks every five minutes: what waits now, and waited at the look before
STALE_AFTER = timedelta(minutes=4)
TOO_MANY_FAILURES = 4  # in an hour: one run of Airflow's with all its tries
GROWTHS, MANY = 3, 10_000  # so many looks in a row with a larger lag each, and as many messages
SILENT_AFTER = 120.0  # seconds; a producer beats every ten
EARLIER = 20  # looks
# what a vendor's producer calls itself, at the vendor's address or at another one
PRODUCERS = {"yahoo": ("yahoo", "yahoo_recording"), "alpha_vantage": ("alpha_vantage",)}
READ_LOG = "read the streaming job's log; it is not started a second time: stop it, and it is started again"
REMEDY = {
    "airflow": "read the log of the newest run of the DAG stream_run: Airflow starts it, and it ends",
    "service": "start it: spark-submit jobs/stream_quotes.py, `make live` or Compose; or set "
    "TAPEHOUSE_STREAM_OWNER=airflow",
}


@dataclass(frozen=True)
class Seen:
    """The stream at one moment; `since` is when its newest run began, `read_at` when its last batch was committed.

    `failures` are what its runs of the last hour failed by, the newest first.
    """

    at: datetime
    runs: bool
    state: str
    since: datetime | None
    read_at: datetime | None
    lag: int
    failures: tuple[str, ...] = ()


class Finding(NamedTuple):
    """A thing that was judged: `found` says what is wrong, None that it is well."""

    name: str
    subject: str
    found: str | None
    remedy: str = ""


def see(settings: "Settings", *, now: datetime | None = None) -> Seen:
    """Ask the ledger and the broker; one that does not answer is an error."""
    from jobs.lake.kafka import TopicEnds, describe_topic
    from tapehouse.ledger import LedgerReader
    from tapehouse.stream_job import JOB

    topic = describe_topic(settings.kafka, settings.topic)
    with closing(TopicEnds(settings.kafka, topic)) as asked:
        ends = asked.ask()
    with closing(LedgerReader(settings)) as ledger:
        run = ledger.newest_run(JOB, topic=settings.topic)
        read, read_at = ledger.newest_batches(settings.topic)
        failures = tuple(ledger.failures(JOB, topic=settings.topic, hours=1))
    lag = sum(max(0, end - read.get(partition, 0)) for partition, end in ends.items())
    state = "it was never started" if run is None else f"{run.state} {run.error or ''}".strip()
    runs = run is not None and run.state == "running"
    return Seen(now or datetime.now(UTC), runs, state, run.since if run else None, read_at, lag, failures)


def judge_stream(seen: Seen, earlier: "Sequence[Look]", *, topic: str, owner: str) -> list[Finding]:
    """What is wrong with the stream and what is well; `earlier` are the looks before, the newest first."""
    return [_crashes(seen, topic), *_judge_run(seen, earlier, topic=topic, owner=owner)]


def _crashes(seen: Seen, topic: str) -> Finding:
    """A stream that is started again and again may run at every look."""
    found = None
    if len(seen.failures) >= TOO_MANY_FAILURES:
        found = f"{len(seen.failures)} runs failed within an hour, the last by: {seen.failures[0][:300]}"
    return Finding(CRASHES, topic, found, "read the streaming job's log and put right what it says")


def _judge_run(seen: Seen, earlier: "Sequence[Look]", *, topic: str, owner: str) -> list[Finding]:
    if not seen.runs:
        was_so = len(earlier) >= 2 and not any(look.runs for look in earlier[:2])
        if owner == "airflow" and not was_so:
            return []  # it is about to be started
        return [Finding(STOPPED, topic, f"{seen.state}; {seen.lag:,} messages wait", REMEDY[owner])]
    lags = [seen.lag, *(look.lag for look in earlier[:GROWTHS] if look.runs)]
    grows = len(lags) > GROWTHS and all(new > old for new, old in itertools.pairwise(lags))
    told = ", ".join(f"{lag:,}" for lag in reversed(lags))
    return [
        Finding(STOPPED, topic, None),
        Finding(STALE, topic, _stale(seen, earlier), READ_LOG),
        Finding(
            GROWS,
            topic,
            f"unread messages at the last looks: {told}" if grows and seen.lag >= MANY else None,
            f"{READ_LOG}, or give its driver more cores",
        ),
    ]


def _stale(seen: Seen, earlier: "Iterable[Look]") -> str | None:
    """What says that messages wait and no batch comes; a message of just now is not waited for."""
    if not seen.lag:
        return None
    moments = [moment for moment in (seen.since, seen.read_at) if moment]
    waited = [look.at for look in earlier if look.lag and all(look.at > moment for moment in moments)]
    if not waited or seen.at - min(waited) < STALE_AFTER:
        return None
    last = (
        f"the last batch is of {seen.read_at:%Y-%m-%d %H:%M:%SZ}"
        if seen.read_at
        else "no batch was ever made"
    )
    return f"{seen.lag:,} messages wait since {min(waited):%Y-%m-%d %H:%M:%SZ} or longer, {last}"


def judge_producers(settings: "Settings", *, now: datetime) -> list[Finding]:
    """Of each source whose live quotes are followed: whether its producer is well, while an exchange of it is open."""
    from jobs.lake.heartbeats import Heartbeats
    from jobs.lake.instruments import read_instruments
    from jobs.lake.trading_hours import expected_of

    with closing(Heartbeats(settings)) as heartbeats:
        ages = heartbeats.ages()
    followed = [
        one
        for one in expected_of(read_instruments(settings.instruments))
        if one.dataset == "stream" and one.followed_from <= now.date() < one.followed_to
    ]
    found = []
    for source in FOLLOWED_SOURCES:
        calendars = {one.calendar for one in followed if one.source == source}
        wrong = None
        if any(is_open(calendar, now) for calendar in calendars):
            wrong = _silent([ages[name] for name in PRODUCERS[source] if name in ages])
        remedy = (
            "start it: tapehouse live --symbols ..., with --send-only where another runs the stream, "
            f"or tapehouse unfollow what {source} is not to send"
        )
        found.append(Finding(SILENT, source, wrong, remedy))
    return found


def _silent(ages: Sequence[float]) -> str | None:
    if not ages:
        return "an exchange of what is followed is open, and no producer of it is known"
    if min(ages) > SILENT_AFTER:
        return f"an exchange of what is followed is open, and its producer's last heartbeat is {min(ages):.0f} s old"
    return None
