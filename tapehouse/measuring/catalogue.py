"""Every metric that the exporter knows, by name: its kind, its labels, and what it says.

Times are Unix times in UTC, so that an age is worked out when it is asked for. `job` and `instance` belong to
Prometheus and are no labels here.
"""

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    says: str


class Sample(NamedTuple):
    """A value of a metric; `labels` are the values of its labels, in their order."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def _gauge(says: str, *labels: str) -> Metric:
    return Metric("gauge", labels, says)


def _counter(says: str, *labels: str) -> Metric:
    return Metric("counter", labels, says)


LOOK_FAILED = "tapehouse_look_failed"
LOOK_SUCCESS = "tapehouse_look_success_timestamp_seconds"
LOOK_SECONDS = "tapehouse_look_duration_seconds"
LOOK_FAILURES = "tapehouse_look_failures_total"

STREAM = {
    "tapehouse_stream_up": _gauge("1: the streaming job runs and renews its lease"),
    "tapehouse_stream_started_timestamp_seconds": _gauge("when its newest run began"),
    "tapehouse_stream_lease_renewed_timestamp_seconds": _gauge("when its lease was renewed last"),
    "tapehouse_stream_failed_runs": _gauge("of its runs that began within the last hour"),
    "tapehouse_batch_committed_timestamp_seconds": _gauge("when the newest batch was committed"),
    "tapehouse_batch_newest_event_timestamp_seconds": _gauge(
        "the newest event of the last 100 batches, by the venue's clock"
    ),
    "tapehouse_batch_duration_seconds": _gauge("how long the newest batch took"),
    "tapehouse_batch_messages": _gauge("messages of the newest batch"),
    "tapehouse_batches_total": _counter("batches that were written"),
    "tapehouse_batch_seconds_total": _counter("time that batches took"),
    "tapehouse_messages_total": _counter("messages that batches read"),
    "tapehouse_messages_accepted_total": _counter("of these, accepted"),
    "tapehouse_messages_rejected_total": _counter("of these, rejected"),
    "tapehouse_messages_duplicate_total": _counter("of the accepted, seen before"),
    "tapehouse_bars_changed_total": _counter("bars that were new, changed or became final"),
}
KAFKA = {
    "tapehouse_kafka_end_offset": _gauge("where the partition ends", "topic", "partition"),
    "tapehouse_kafka_lag_messages": _gauge("messages that no batch has read", "topic", "partition"),
}
LAKE = {
    "tapehouse_table_version": _gauge("newest version of the table", "table"),
    "tapehouse_table_committed_timestamp_seconds": _gauge("when that was committed", "table"),
    "tapehouse_table_newest_timestamp_seconds": _gauge(
        "its newest time, by the column that docs/metrics.md names; of a date midnight UTC", "table"
    ),
    "tapehouse_table_rows": _gauge("rows of that version, by its log", "table"),
    "tapehouse_table_files": _gauge("files of that version", "table"),
    "tapehouse_table_bytes": _gauge("bytes of these files", "table"),
}
REJECTED = {
    "tapehouse_rows_rejected_total": _counter(
        "rows that broke a rule, counted once for each that they broke", "table", "rule"
    ),
}
GAPS = {
    "tapehouse_gaps_open": _gauge("gaps of what is followed that are to be fetched", "dataset", "cause"),
}
WAREHOUSE = {
    "tapehouse_warehouse_version": _gauge("version of the lake's table that the warehouse holds", "table"),
    "tapehouse_warehouse_loaded_timestamp_seconds": _gauge("when it was loaded", "table"),
    "tapehouse_warehouse_behind_versions": _gauge(
        "newer versions of the lake's table, those without new data too", "table"
    ),
    "tapehouse_warehouse_behind_since_timestamp_seconds": _gauge(
        "when the first commit with data that it lacks was made; absent where it lacks none", "table"
    ),
    "tapehouse_reconcile_equal": _gauge("1: the last `tapehouse reconcile` found both equal", "table"),
    "tapehouse_reconcile_timestamp_seconds": _gauge("when that was", "table"),
}
BUDGETS = {
    "tapehouse_budget_calls_limit": _gauge("calls of a day that are for the purpose", "source", "purpose"),
    "tapehouse_budget_calls_used": _gauge("of these, used today", "source", "purpose"),
    "tapehouse_budget_calls_left": _gauge("that may still be made for it today", "source", "purpose"),
    "tapehouse_source_rests": _gauge("1: the source refused, and is not asked for now", "source"),
}
OPERATIONS = {
    "tapehouse_alert_open": _gauge("open alerts of the ledger", "name"),
    "tapehouse_alert_oldest_timestamp_seconds": _gauge("when the oldest of them was opened", "name"),
    "tapehouse_work": _gauge("what is not done: to fetch or to look at, open or given_up", "kind", "state"),
    "tapehouse_program_state": _gauge(
        "of the newest run of a program: 1 for running, done or failed", "program", "state"
    ),
    "tapehouse_program_started_timestamp_seconds": _gauge("when that run began", "program"),
    "tapehouse_program_duration_seconds": _gauge("how long it took, or has taken until now", "program"),
    "tapehouse_dag_run_state": _gauge(
        "of the newest run of a DAG: 1 for running, success or failed", "dag", "state"
    ),
    "tapehouse_dag_run_late": _gauge("1: that run missed its deadline", "dag"),
    "tapehouse_dag_run_started_timestamp_seconds": _gauge("when it began", "dag"),
    "tapehouse_dag_run_ended_timestamp_seconds": _gauge("when the newest that is over ended", "dag"),
}
MARKET = {
    "tapehouse_market_open": _gauge("1: the regular session of the calendar is on", "calendar"),
    "tapehouse_source_expected": _gauge("1: an exchange of what is followed of its stream is open", "source"),
}
DUE = {
    "tapehouse_session_due_timestamp_seconds": _gauge(
        "midnight of the newest session that daily_close should have brought, if it is followed and not the first",
        "calendar",
    ),
}
HEARTBEATS = {
    "tapehouse_source_heartbeat_timestamp_seconds": _gauge("when a producer of it last beat", "source"),
}
DISK = {
    "tapehouse_disk_size_bytes": _gauge("of the disk that a folder of the settings is on", "place"),
    "tapehouse_disk_free_bytes": _gauge("of it, free for users", "place"),
}
PARTS = {
    "stream": STREAM,
    "kafka": KAFKA,
    "lake": LAKE,
    "rejected": REJECTED,
    "gaps": GAPS,
    "warehouse": WAREHOUSE,
    "budgets": BUDGETS,
    "operations": OPERATIONS,
    "market": MARKET,
    "due": DUE,
    "heartbeats": HEARTBEATS,
    "disk": DISK,
}
OF_LOOKS = {
    LOOK_FAILED: _gauge("1: the part is not known now, and its metrics are not shown", "part"),
    LOOK_SUCCESS: _gauge("when the part was last looked at with success", "part"),
    LOOK_SECONDS: _gauge("how long the last look at the part took", "part"),
    LOOK_FAILURES: _counter("looks at the part that failed", "part"),
}
# of `tapehouse page`, which shows them itself
PAGE = {
    "tapehouse_page_clients": _gauge("browsers that are told what changes"),
    "tapehouse_page_clients_refused_total": _counter("that were refused, because there were too many"),
    "tapehouse_page_commit_to_sent_seconds": Metric(
        "histogram", (), "from the commit of a bar in gold until a browser was sent it"
    ),
    "tapehouse_page_looks_total": _counter("looks at each thing that the page shows", "of"),
    "tapehouse_page_look_seconds_total": _counter("time that these took", "of"),
    "tapehouse_page_unknown": _gauge("1: it is not known now, and its box says since when", "of"),
    "tapehouse_page_errors_total": _counter("requests that ended in an error of the server"),
}
METRICS: dict[str, Metric] = {name: m for part in (*PARTS.values(), OF_LOOKS) for name, m in part.items()}
