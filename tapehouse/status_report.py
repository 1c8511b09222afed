"""What `status` knows: tables, lag, the stream job, the services, and which of it is a problem."""

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tapehouse.budget import look as look_at_budgets
from tapehouse.expectations import Expectations, expectations_of
from tapehouse.judgement import (
    BROUGHT,
    LIVE,
    SENT_WITHIN,
    TIMED,
    Job,
    TableLine,
    job_of,
    judge_history,
    judge_job,
    judge_services,
    judge_tables,
    tell_age,
    tell_alert,
)

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.services.instance import Instance, ServiceState

SESSIONS_SHOWN = 5  # of each DAG
# the column of each table that says how new it is
NEWEST_BY = {
    "bronze.quotes": "kafka_time",
    "silver.quotes": "event_time",
    "silver.rejected": "kafka_time",
    "gold.bars_1m": "bar_start",
    "gold.bars_1m_log": "bar_start",
}


@dataclass
class Status:
    """Everything at one moment. `lag` counts messages of the topic that bronze does not record yet.

    `work` counts what is to be fetched and looked at, by kind and state. `late` are those problems that say that a
    table of the stream is late.
    """

    at: datetime
    tables: list[TableLine] = field(default_factory=list)
    services: "list[ServiceState]" = field(default_factory=list)
    job: Job = field(default_factory=lambda: Job("never started"))
    lag: int | None = None
    rejected: int = 0
    sources: list[str] = field(default_factory=list)
    budgets: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    work: dict[str, dict[str, int]] = field(default_factory=dict)
    dag_runs: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def look(settings: "Settings", instance: "Instance | None", *, now: datetime | None = None) -> Status:
    """The status now. A closed market is not late, and recordings and generated tapes are never late."""
    from jobs.lake.instruments import read_instruments

    status = Status(now or datetime.now(UTC))
    status.services = instance.services() if instance else []
    status.problems += judge_services(status.services, "`tapehouse up`")
    if not status.problems:
        status.job, status.dag_runs = _runs(settings)
        ends = _tables(settings, status)
        status.lag = _lag(settings, ends)
        status.budgets = [standing._asdict() for standing in look_at_budgets(settings)]
        status.alerts = _alerts(settings)
        status.work = _work(settings)
        status.problems += [tell_alert(alert) for alert in status.alerts]
        expected = expectations_of(read_instruments(settings.instruments), status.at.date())
        status.problems += [expected.problem] if expected.problem else []
        live_and_open = _who_should_send(settings, status, expected)
        status.late = judge_tables(status.tables, at=status.at, job=status.job, live_and_open=live_and_open)
        status.problems += status.late
        status.problems += judge_job(status.job, lag=status.lag, live_and_open=live_and_open)
        status.problems += _history(settings, status, expected)
        status.problems += judge_services(instance.programs() if instance else [], "whoever started it")
    return status


def _who_should_send(settings: "Settings", status: Status, expected: Expectations) -> list[str]:
    """The live sources whose exchange is open now."""
    followed = {(source, venue) for source, venue in expected.quotes if source in TIMED}
    sending = _live_sources(settings, status) | followed
    return sorted({source for source, venue in sending if expected.is_open(venue, status.at)})


def _runs(settings: "Settings") -> tuple[Job, list[dict[str, Any]]]:
    """The stream job, and Airflow's runs."""
    from tapehouse.ledger import LedgerReader

    with closing(LedgerReader(settings)) as ledger:
        run = ledger.newest_run("stream_quotes", topic=settings.topic)
        dag_runs = ledger.dag_runs(sessions=SESSIONS_SHOWN)
    return job_of(run), dag_runs


def _alerts(settings: "Settings") -> list[dict[str, Any]]:
    from jobs.lake.alerts import Alerts

    with closing(Alerts(settings)) as alerts:
        return [alert._asdict() for alert in alerts.are_open()]


def _work(settings: "Settings") -> dict[str, dict[str, int]]:
    from jobs.lake.work_list import WorkList

    with closing(WorkList(settings)) as work:
        return work.counts()


def _tables(settings: "Settings", status: Status) -> dict[int, int]:
    """Fill in the tables' lines; the recorded end of bronze for the topic."""
    from jobs.lake.errors import NoDataError
    from jobs.lake.progress import recorded_ends
    from tapehouse.delta import commits, open_table

    known = []
    for name, column in NEWEST_BY.items():
        try:
            table = open_table(name, settings)
        except NoDataError:
            status.tables.append(TableLine(name, 0, None, None, -1, "empty"))
            continue
        status.tables.append(_line(name, column, table, status.at))
        if name == "bronze.quotes":
            known = [commit for _, commit in commits(table) if commit]
        if name == "silver.rejected":
            status.rejected = status.tables[-1].rows
    return recorded_ends({"bronze.quotes": known}, topic=settings.topic)["bronze.quotes"]


def _history(settings: "Settings", status: Status, expected: Expectations) -> list[str]:
    """Fill in the lines of the tables that should have a session; which of them are late."""
    from jobs.lake.errors import NoDataError
    from tapehouse.delta import open_table

    closed = [run["session"] for run in status.dag_runs if run["dag_id"] == "daily_close"]
    due = expected.due(closed, status.at)
    if due is None:
        return []
    lines = []
    for name in BROUGHT:
        try:
            lines.append(_line(name, "session", open_table(name, settings), status.at))
        except NoDataError:
            lines.append(TableLine(name, 0, None, None, -1, "empty"))
    status.tables += lines
    return judge_history(lines, due=due)


def _line(name: str, column: str, table: Any, at: datetime) -> TableLine:
    import pyarrow

    from tapehouse.delta import newest_in

    rows, newest = table.count(), newest_in(pyarrow.table(table.get_add_actions(flatten=True)), column)
    age = tell_age(at - newest) if newest else None
    return TableLine(name, rows, newest, age, table.version(), "ok" if rows else "empty")


def _lag(settings: "Settings", recorded: dict[int, int]) -> int:
    from jobs.lake.kafka import TopicEnds, describe_topic

    ends = TopicEnds(settings.kafka, describe_topic(settings.kafka, settings.topic))
    lag = sum(max(0, end - recorded.get(partition, 0)) for partition, end in ends.ask().items())
    ends.close()
    return lag


def _live_sources(settings: "Settings", status: Status) -> set[tuple[str, str]]:
    """Live sources and venues of silver's last days; fills in `sources`.

    Each venue has sessions of its own: a later one elsewhere hides none.
    """
    from tapehouse.delta import attach, connect

    if not any(line.name == "silver.quotes" and line.rows for line in status.tables):
        return set()
    connection = connect()
    attach(connection, settings, versions={})
    rows = connection.execute(
        "SELECT source, mic, count(event_time) FROM silver.quotes "
        "WHERE session >= (SELECT max(session) FROM silver.quotes) - $1::integer GROUP BY ALL",
        [SENT_WITHIN.days],
    ).fetchall()
    status.sources = sorted({source for source, _, _ in rows})
    # of a source whose quotes say no time it cannot be told whether they are late
    timed = [(source, mic) for source, mic, timed in rows if timed]
    return {(source, mic) for source, mic in timed if source in LIVE}
