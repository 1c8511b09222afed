"""What is known of the pipeline as boxes, in the words of `tapehouse status`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tapehouse.guard_report import PRODUCERS
from tapehouse.judgement import LIVE, PROMISED, Job, TableLine, job_of, tell_age
from tapehouse.web.box import Box, Line, stamp, worst
from tapehouse.web.looks import Beat, JobSeen, Numbers, Operations

# the job renews its lease every 5 s, a producer beats every 10 s: what has missed two of them is not well
UNRENEWED_FOR, UNBEATEN_FOR = 12.0, 25.0
STARTS_WITHIN = 180.0
PROMISE = dict.fromkeys(PROMISED, "5 min")


def job_box(seen: JobSeen, now: float) -> tuple[Box, Job, list[str]]:
    """The stream job, and what is wrong with one that runs."""
    job, run = job_of(seen.run), seen.run
    lines = [Line("run began", at=stamp(job.since))] if job.since else []
    if seen.committed_at:
        lines.append(Line("last batch", at=stamp(seen.committed_at)))
    problems = []
    state, says = {"running": "ok", "never started": "empty"}.get(job.state, job.state), job.state
    if run is not None and job.state == "running":
        lines.append(Line("lease renewed", at=now - run.unrenewed, promise=f"{UNRENEWED_FOR:.0f} s"))
        if run.unrenewed > (UNRENEWED_FOR if run.is_ready else STARTS_WITHIN):
            state, says = "late", "it does not renew its lease: it is paused, or cut off from PostgreSQL"
            problems = [f"the stream job has not renewed its lease for {run.unrenewed:.0f} s: it is paused"]
        elif not run.is_ready:
            state, says = "starting", "running, its query has not started yet"
    if job.error:
        lines.append(Line("error", job.error[:200]))
    return Box("job", "Stream job", state, says, lines), job, problems


def feed_box(
    beats: Sequence[Beat],
    sources: set[tuple[str, str]],
    open_venues: set[str],
    live_and_open: list[str],
    now: float,
) -> tuple[Box, list[str]]:
    """Who sends, whether the exchanges of it are open, and which producer is silent."""
    lines, problems = [], []
    for source, venue in sorted(sources):
        lines.append(Line(f"{source} of {venue}", "open" if venue in open_venues else "closed"))
    for source, producers in PRODUCERS.items():
        line, problem = _producer(
            source,
            [beat for beat in beats if beat.producer in producers],
            now,
            should_send=source in live_and_open,
        )
        lines += [line] if line else []
        problems += [problem] if problem else []
    if not sources:
        return Box("feed", "Feed", "empty", "no bar has come yet", lines), problems
    state, says = worst(line.state for line in lines), f"{', '.join(live_and_open)} should send"
    if problems:
        says = "a producer is silent"
    elif not live_and_open:
        names = sorted({name for name, _ in sources})
        is_live = any(name in LIVE for name in names)
        says = "its exchange is closed" if is_live else f"{', '.join(names)}: a tape, which is never late"
        state = "closed" if is_live and state == "ok" else state
    return Box("feed", "Feed", state, says, lines), problems


def _producer(
    source: str, beats: Sequence[Beat], now: float, *, should_send: bool
) -> tuple[Line | None, str | None]:
    """What is known of a source's producers, and what is wrong with it. One that ended as asked leaves no beat."""
    name, remedy = f"producer of {source}", "start `tapehouse live`"
    if not beats:
        if not should_send:
            return None, None
        return Line(name, "none is known", state="late"), f"no producer of {source} is known: {remedy}"
    age = min(beat.age for beat in beats)
    if any(beat.is_alive and beat.age <= UNBEATEN_FOR for beat in beats):
        return Line(name, at=now - age, state="ok", promise="25 s"), None
    state = "late" if should_send else "stopped"
    problem = f"no producer of {source} has beaten for {age:.0f} s: {remedy}" if should_send else None
    return Line(name, at=now - age, state=state, promise="25 s"), problem


def table_lines(found: Numbers, names: Iterable[str], at: datetime) -> list[TableLine]:
    """What the logs of tables say, for those that are to be shown."""
    lines = []
    for name in names:
        rows = int(found.get(("tapehouse_table_rows", name), 0))
        told = found.get(("tapehouse_table_newest_timestamp_seconds", name))
        newest = datetime.fromtimestamp(told, UTC) if told is not None else None
        age = tell_age(at - newest) if newest else None
        version = int(found.get(("tapehouse_table_version", name), -1))
        lines.append(TableLine(name, rows, newest, age, version, "ok" if rows else "empty"))
    return lines


def tables_box(
    name: str,
    title: str,
    lines: Sequence[TableLine],
    *,
    promises: Mapping[str, str] = PROMISE,
    is_closed: bool = False,
) -> Box:
    """A row for each table. While its exchange is closed, what is promised is not waited for."""
    rows = []
    for line in lines:
        promise = promises.get(line.name)
        state = "closed" if promise and is_closed and line.state == "ok" else line.state
        text = f"{line.rows:,} rows, version {line.version}" if line.version >= 0 else "not there yet"
        rows.append(Line(line.name, text, stamp(line.newest), state, promise))
    state = worst(row.state for row in rows)
    late = [row.name for row in rows if row.state == "late"]
    says = f"late: {', '.join(late)}" if late else f"{sum(line.rows > 0 for line in lines)} with rows"
    if all(not line.rows for line in lines):
        state, says = "empty", "none has rows yet"
    elif state == "empty":
        state = worst(row.state for row in rows if row.state != "empty")
    return Box(name, title, state, says, rows)


def lag_box(found: Numbers, job: Job) -> tuple[Box, int]:
    """Messages that no batch has read."""
    parts = {key[2]: int(value) for key, value in found.items() if key[0] == "tapehouse_kafka_lag_messages"}
    lag = sum(parts.values())
    lines = [Line(f"partition {part}", f"{value:,} messages") for part, value in sorted(parts.items())]
    state, says = "ok", f"{lag:,} messages wait"
    if lag and job.state == "unknown":
        state, says = "unknown", f"{says}, and whether a job reads them is not known"
    elif lag and job.state != "running":
        state, says = "late", f"{says}, and no job reads them"
    return Box("lag", "Kafka lag", state, says, lines), lag


def rejected_box(found: Numbers) -> Box:
    rules = sorted(
        ((int(value), key[2], key[1]) for key, value in found.items()),
        reverse=True,
    )
    lines = [Line(rule, f"{rows:,} of {table}") for rows, rule, table in rules]
    says = f"{sum(rows for rows, _, _ in rules):,} kept aside" if rules else "nothing"
    return Box("rejected", "Rejected by rule", "ok", says, lines)


def budgets_box(found: Numbers) -> Box:
    sources = sorted({key[1] for key in found if key[0] == "tapehouse_source_rests"})
    lines = []
    for source in sources:
        left = {
            key[2]: int(value)
            for key, value in found.items()
            if key[:2] == ("tapehouse_budget_calls_left", source)
        }
        rests = bool(found["tapehouse_source_rests", source])
        text = ", ".join(f"{purpose} {calls:,}" for purpose, calls in left.items())
        lines.append(Line(source, f"{text}{', rests' if rests else ''}", state="behind" if rests else "ok"))
    resting = [line.name for line in lines if line.state == "behind"]
    says = f"{', '.join(resting)} refused, and rests" if resting else "calls left today"
    return Box("budgets", "Budgets", worst(line.state for line in lines), says, lines)


def gaps_box(found: Numbers) -> Box:
    lines = [
        Line(f"{key[1]}, {key[2]}", f"{int(value):,}")
        for key, value in sorted(found.items())
        if key[0] == "tapehouse_gaps_open" and value
    ]
    number = sum(int(value) for key, value in found.items() if key[0] == "tapehouse_gaps_open")
    return Box("gaps", "Gaps", "open" if number else "ok", f"{number:,} to be fetched", lines)


def warehouse_box(found: Numbers, seen: Operations) -> Box:
    """Each loaded table beside the lake, by its receipt and by the last comparison; then the newest receipts."""
    tables = sorted({key[1] for key in found if key[0] == "tapehouse_warehouse_version"})
    lines = []
    for table in tables:
        version = int(found["tapehouse_warehouse_version", table])
        behind = int(found["tapehouse_warehouse_behind_versions", table])
        equal = found.get(("tapehouse_reconcile_equal", table))
        told = {None: "not compared yet", 1.0: "equal when compared", 0.0: "DIFFERS"}[equal]
        # a receipt alone does not prove that it is the same
        state = {None: "behind", 1.0: "behind" if behind else "ok", 0.0: "differs"}[equal]
        text = f"version {version} of {version + behind}, {told}"
        lines.append(Line(table, text, found.get(("tapehouse_reconcile_timestamp_seconds", table)), state))
    for load in seen.loads:
        text = f"version {load['version']}, {load['rows']:,} rows proved"
        lines.append(Line(f"receipt of {load['table']}", text, stamp(load["loaded_at"])))
    if not tables:
        return Box("warehouse", "Warehouse", "empty", "nothing was loaded yet", lines)
    state = worst(line.state for line in lines)
    newer = any(found["tapehouse_warehouse_behind_versions", table] for table in tables)
    says = {
        "differs": "it differs from the lake",
        "behind": "the lake has newer versions" if newer else "loaded, not compared with the lake yet",
    }
    return Box("warehouse", "Warehouse", state, says.get(state, "as new as the lake"), lines)


def runs_box(seen: Operations) -> Box:
    """Programs and DAG runs of today, the newest first."""
    lines = [_run(f"dag {run['dag_id']} {run['session'] or ''}".strip(), run) for run in seen.dag_runs]
    lines += [_run(run["job"], run) for run in seen.programs]
    if not lines:
        return Box("runs", "Runs", "empty", "none today", lines)
    # older ones are not among the lines; one that died is not yet failed in the ledger
    died = sum(run.get("has_died", False) for run in seen.programs)
    failed = seen.failed + died
    says = f"{max(seen.today, len(lines)):,} today" + (f", {failed:,} failed" if failed else "")
    return Box("runs", "Runs", "failed" if failed else worst(line.state for line in lines), says, lines)


def _run(name: str, run: dict[str, Any]) -> Line:
    state = {"done": "ok", "success": "ok", "running": "ok"}.get(run["state"], "failed")
    late = ", late" if run.get("is_late") else ""
    why = run.get("error") or run.get("reason") or ""
    text = f"{run['state']}{late}{f': {why[:120]}' if why and state == 'failed' else ''}"
    return Line(name, text, stamp(run["ended_at"] or run["started_at"]), state)
