"""`tapehouse verify`: invariants 1 to 3, from bronze up, by another engine and other code than the stream's."""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.lake.progress import Commit, Offsets, exceeds, recorded_ends, smallest
from tapehouse.verify_bars import BARS, STORED_MICROS, VALUES

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from deltalake import DeltaTable

    from jobs.lake.settings import Settings

COORDINATES = 'topic, partition, "offset"'
BATCH_TABLES = ("bronze.quotes", "silver.quotes", "silver.rejected", "gold.bars_1m_log")


@dataclass
class Check:
    """One statement that holds or not; `examples` are the first keys for which it does not."""

    invariant: int
    statement: str
    ok: bool
    counted: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All checks of one run, and how many messages of bronze lie above the end that all tables have recorded."""

    first: date
    last: date
    checks: list[Check] = field(default_factory=list)
    not_yet_checked: int = 0

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="first",
        type=date.fromisoformat,
        metavar="DATE",
        help="first session (default: the newest in silver)",
    )
    parser.add_argument(
        "--to",
        dest="last",
        type=date.fromisoformat,
        metavar="DATE",
        help="session after the last (default: the day after --from's)",
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: all hold; 1: one does not; 2: there is nothing to check in the range."""
    from tapehouse.context import use_running_environment

    report = verify(use_running_environment(), first=args.first, last=args.last)
    if args.json:
        print(json.dumps(asdict(report) | {"ok": report.ok}, default=str, indent=1))
    else:
        show(report)
    return 0 if report.ok else 1


def verify(settings: "Settings", *, first: date | None = None, last: date | None = None) -> Report:
    """Check invariants 1 and 2 over all of bronze, and 3 for the sessions in [first, last)."""
    from tapehouse.delta import connect

    connection = connect()
    read = _ReadTables(connection, settings)
    first, last = _sessions(connection, first, last)
    report = Report(first, last, not_yet_checked=read.above)
    report.checks += _bronze(connection, read)
    _form_opinions(connection, settings)
    report.checks += _conservation(connection)
    report.checks += _silver(connection)
    report.checks += _gold(connection, settings, first, last)
    return report


def show(report: Report) -> None:
    for check in report.checks:
        counts = ", ".join(f"{count:,} {name}" for name, count in check.counted.items())
        print(f"{'ok    ' if check.ok else 'FAILED'} {check.invariant}  {check.statement}: {counts}")
        for example in check.examples:
            print(f"            {example}")
    if report.not_yet_checked:
        print(
            f"not yet checked: {report.not_yet_checked:,} messages above the end that all tables have recorded"
        )
    held = (
        "all invariants hold"
        if report.ok
        else f"{sum(not check.ok for check in report.checks)} checks FAILED"
    )
    print(f"{held} for sessions {report.first} to {report.last} (not included)")
    sys.stdout.flush()


class _ReadTables:
    """Each table at the version of the newest end that all of them have recorded, as DuckDB tables."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", settings: "Settings") -> None:
        from tapehouse.delta import LOG, MERGED, NEWEST_BARS, commits, open_table

        opened = {name: open_table(name, settings) for name in (*BATCH_TABLES, MERGED)}
        history = {name: commits(table) for name, table in opened.items()}
        known = {name: [commit for _, commit in found if commit] for name, found in history.items()}
        self.topic = next((commit.topic for commit in known["bronze.quotes"]), "")
        ends = recorded_ends({name: known[name] for name in BATCH_TABLES}, topic=self.topic)
        self.end: Offsets = smallest(ends.values())
        for name, table in opened.items():
            table.load_as_version(_newest_within(history[name], self.end, self.topic))
            _load(connection, name, table)
        self.above = sum(ends["bronze.quotes"].values()) - sum(self.end.values())
        whole = history["bronze.quotes"][-1][0] == 0
        self.ranges: list[Commit] | None = (
            [
                c
                for v, c in history["bronze.quotes"]
                if c and c.kind == "batch" and v <= opened["bronze.quotes"].version()
            ]
            if whole
            else None
        )
        connection.execute(f"CREATE TABLE bar AS {NEWEST_BARS.format(merged=MERGED, log=LOG)}")


def _newest_within(history: list[tuple[int, Commit | None]], end: Offsets, topic: str) -> int:
    """The newest version whose recorded end, and that of all before it, is not beyond `end`."""
    beyond = [
        version
        for version, commit in history
        if commit and commit.topic == topic and exceeds(commit.end, end)
    ]
    return min(beyond) - 1 if beyond else history[0][0]


def _load(connection: "duckdb.DuckDBPyConnection", name: str, table: "DeltaTable") -> None:
    dataset = table.to_pyarrow_dataset()
    connection.register("incoming", dataset)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def _sessions(
    connection: "duckdb.DuckDBPyConnection", first: date | None, last: date | None
) -> tuple[date, date]:
    """The range to check: at least one session of silver lies in it."""
    from datetime import timedelta

    from jobs.lake.errors import NoDataError

    newest = connection.execute("SELECT max(session) FROM silver.quotes").fetchone()[0]  # type: ignore[index]
    if newest is None:
        raise NoDataError("silver.quotes is empty", remedy="start the stream, or `make demo`")
    first = first or (newest if last is None or newest < last else last - timedelta(1))
    last = last or max(newest, first) + timedelta(1)
    found = connection.execute(
        "SELECT count(*) FROM silver.quotes WHERE session >= ? AND session < ?", [first, last]
    ).fetchone()
    if not found or not found[0]:
        raise NoDataError(
            f"no session of silver.quotes lies in [{first}, {last})",
            found=f"the newest is {newest}",
            remedy="choose another range",
        )
    return first, last


def _bronze(connection: "duckdb.DuckDBPyConnection", read: _ReadTables) -> list[Check]:
    rows, distinct, span = connection.execute(
        """SELECT sum(n), sum(d), sum(s)::BIGINT FROM (
        SELECT count(*) AS n, count(DISTINCT "offset") AS d, max("offset") - min("offset") + 1 AS s
        FROM bronze.quotes GROUP BY topic, partition)"""
    ).fetchone() or (0, 0, 0)
    counted = {"rows": rows or 0, "offsets": distinct or 0, "between the first and the last": span or 0}
    holes = _examples(
        connection,
        """SELECT topic, partition, "offset" FROM bronze.quotes b WHERE NOT EXISTS (
        SELECT 1 FROM bronze.quotes a WHERE a.topic = b.topic AND a.partition = b.partition AND a."offset" = b."offset" + 1)
        AND "offset" < (SELECT max("offset") FROM bronze.quotes c WHERE c.topic = b.topic AND c.partition = b.partition)""",
    )
    twice = _examples(connection, f"SELECT {COORDINATES} FROM bronze.quotes GROUP BY ALL HAVING count(*) > 1")
    found = [
        Check(
            1,
            "bronze holds each offset once and without a hole",
            rows == distinct == span,
            counted,
            [f"after {h}" for h in holes] + twice,
        )
    ]
    if read.ranges is not None:
        told = sum(
            sum(c.end.values()) - sum(c.start.get(p, 0) for p in c.end) for c in _unfolded(read.ranges)
        )
        found.append(
            Check(
                1,
                "bronze is the sum of the ranges of its commits",
                rows == told,
                {"rows": rows or 0, "in ranges": told},
            )
        )
    return found


def _unfolded(ranges: list[Commit]) -> list[Commit]:
    """Commits with only the partitions that their batch had: `end` also repeats those of earlier batches."""
    from dataclasses import replace

    return [replace(c, end={p: offset for p, offset in c.end.items() if p in c.start}) for c in ranges]


def _form_opinions(connection: "duckdb.DuckDBPyConnection", settings: "Settings") -> None:
    """Judge every message of bronze afresh: table `opinion`, with `recorded` = the violations that the lake holds."""
    from tapehouse.verify_messages import Hours, judge

    bronze = connection.sql(
        'SELECT topic, partition, "offset", value, kafka_time FROM bronze.quotes'
    ).to_arrow_table()
    connection.execute("""CREATE TABLE judged (topic VARCHAR, partition INTEGER, "offset" BIGINT, violations VARCHAR[],
        event_id VARCHAR, source VARCHAR, vendor_symbol VARCHAR, event_time_us BIGINT, price VARCHAR, day_volume BIGINT,
        market_hours VARCHAR, receive_time_us BIGINT, session DATE, segment VARCHAR)""")
    for opinions in judge(bronze, Hours(settings.instruments)):
        arrived = _as_arrow(opinions)
        connection.register("arrived", arrived)
        connection.execute("INSERT INTO judged SELECT * FROM arrived")
        connection.unregister("arrived")
    # unknown_instrument depends on the configuration of its day: it is taken as recorded
    connection.execute("""CREATE TABLE opinion AS SELECT j.* REPLACE (CASE WHEN list_contains(r.violations, 'unknown_instrument')
        THEN list_concat(list_filter(j.violations, lambda v: v <> 'outside_session'), ['unknown_instrument']) ELSE j.violations END AS violations),
        r.violations AS recorded, r.value AS rejected_value
        FROM judged j LEFT JOIN (SELECT DISTINCT ON (topic, partition, "offset") * FROM silver.rejected) r USING (topic, partition, "offset")""")


def _as_arrow(opinions: list[Any]) -> "pyarrow.Table":
    import pyarrow

    names = opinions[0]._fields
    integers = ("offset", "event_time_us", "day_volume", "receive_time_us")
    kinds = dict.fromkeys(integers, pyarrow.int64()) | {
        "partition": pyarrow.int32(),
        "session": pyarrow.date32(),
    }
    kinds["violations"] = pyarrow.list_(pyarrow.string())
    columns = dict(zip(names, map(list, zip(*opinions, strict=True)), strict=True))
    schema = pyarrow.schema([(n, kinds.get(n, pyarrow.string())) for n in names])
    return pyarrow.table(columns, schema=schema)


def _conservation(connection: "duckdb.DuckDBPyConnection") -> list[Check]:
    """bronze = accepted + rejected + duplicates, each counted by itself."""
    bronze, rejected = (
        connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
        for t in ("bronze.quotes", "silver.rejected")
    )  # type: ignore[index]
    accepted = connection.execute("SELECT count(*) FROM silver.quotes").fetchone()[0]  # type: ignore[index]
    duplicates = connection.execute("""SELECT count(*) FROM (SELECT 1 FROM opinion WHERE violations = []
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY topic, partition, "offset") > 1)""").fetchone()[
        0
    ]  # type: ignore[index]
    counted = {"in bronze": bronze, "accepted": accepted, "rejected": rejected, "duplicates": duplicates}
    differing = _examples(
        connection,
        f"""SELECT {COORDINATES}, violations, recorded FROM opinion WHERE CASE WHEN violations = []
        THEN recorded IS NOT NULL ELSE recorded IS NULL OR list_sort(recorded) <> list_sort(violations) END""",
    )
    strangers = _examples(
        connection, f"SELECT {COORDINATES} FROM silver.rejected ANTI JOIN bronze.quotes USING ({COORDINATES})"
    )
    twice = _examples(
        connection, f"SELECT {COORDINATES} FROM silver.rejected GROUP BY ALL HAVING count(*) > 1"
    )
    changed = _examples(
        connection,
        f"SELECT {COORDINATES} FROM silver.rejected r JOIN bronze.quotes b USING ({COORDINATES}) WHERE r.value IS DISTINCT FROM b.value",
    )
    return [
        Check(
            2,
            "bronze is accepted, rejected and duplicates",
            bronze == accepted + rejected + duplicates,
            counted,
        ),
        Check(
            2,
            "every message is rejected for the rules that it breaks",
            not differing,
            {"messages": bronze},
            differing,
        ),
        Check(
            2,
            "each rejected message is one of bronze, once, byte for byte",
            not (strangers or twice or changed),
            {"rejected": rejected},
            strangers + twice + changed,
        ),
    ]


def _silver(connection: "duckdb.DuckDBPyConnection") -> list[Check]:
    rows, distinct = connection.execute(
        "SELECT count(*), count(DISTINCT event_id) FROM silver.quotes"
    ).fetchone() or (0, 0)
    twice = _examples(connection, "SELECT event_id FROM silver.quotes GROUP BY 1 HAVING count(*) > 1")
    missing = _examples(
        connection,
        "SELECT DISTINCT event_id FROM opinion WHERE violations = [] AND event_id NOT IN (SELECT event_id FROM silver.quotes)",
    )
    differing = _examples(
        connection,
        f"""SELECT s.event_id, {COORDINATES} FROM silver.quotes s LEFT JOIN opinion o USING ({COORDINATES})
        WHERE o.violations IS DISTINCT FROM [] OR s.event_id <> o.event_id OR s.source <> o.source OR s.vendor_symbol <> o.vendor_symbol
        OR s.price <> CAST(o.price AS DECIMAL(18, 6)) OR s.day_volume IS DISTINCT FROM o.day_volume OR s.session <> o.session
        OR s.segment <> o.segment OR s.market_hours IS DISTINCT FROM o.market_hours OR s.event_time <> make_timestamptz(o.event_time_us)
        OR s.receive_time <> make_timestamptz(o.receive_time_us) OR s.bar_start <> time_bucket(INTERVAL 1 MINUTE, s.event_time)""",
    )
    return [
        Check(
            2,
            "silver holds each accepted event once",
            rows == distinct and not missing,
            {"rows": rows, "events": distinct},
            twice + [f"missing {m}" for m in missing],
        ),
        Check(2, "silver says what its message says", not differing, {"rows": rows}, differing),
    ]


def _gold(
    connection: "duckdb.DuckDBPyConnection", settings: "Settings", first: date, last: date
) -> list[Check]:
    import yaml

    connection.execute("CREATE TABLE unit (unit VARCHAR, major VARCHAR, factor INTEGER, valid_from DATE)")
    for unit in yaml.safe_load(settings.instruments.read_text()).get("currencies") or []:
        connection.execute(
            "INSERT INTO unit VALUES (?, ?, ?, ?)",
            [unit["unit"], unit["major"], unit["factor"], unit["from"]],
        )
    connection.execute("""CREATE TABLE event AS SELECT DISTINCT ON (o.event_id) o.event_id, o.source, s.instrument_id, s.symbol, s.mic, s.currency AS unit,
        o.session, o.segment, make_timestamptz(o.event_time_us) AS event_time, CAST(CAST(o.price AS DECIMAL(18, 6)) * 1000000 AS HUGEINT) AS micros,
        o.day_volume FROM opinion o JOIN silver.quotes s ON s.event_id = o.event_id WHERE o.violations = []""")
    connection.execute(
        f"CREATE TABLE expected AS SELECT * FROM ({BARS}) WHERE session >= '{first}' AND session < '{last}'"
    )
    connection.execute(
        f"CREATE TABLE stored AS SELECT * REPLACE ({STORED_MICROS}) FROM bar WHERE session >= '{first}' AND session < '{last}'"
    )
    different = " OR ".join(f"e.{name} IS DISTINCT FROM g.{name}" for name in VALUES)
    key = "source, instrument_id, bar_start"
    examples = _examples(
        connection,
        f"""SELECT {key}, CASE WHEN g.open IS NULL THEN 'missing' WHEN e.open IS NULL THEN 'not in bronze' ELSE 'differs' END
        FROM expected e FULL JOIN stored g USING ({key}) WHERE {different} ORDER BY ALL""",
    )
    expected, stored = (
        connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("expected", "stored")
    )  # type: ignore[index]
    twice = _examples(connection, f"SELECT {key} FROM gold.bars_1m GROUP BY ALL HAVING count(*) > 1")
    merged = connection.execute("SELECT count(*) FROM gold.bars_1m").fetchone()[0]  # type: ignore[index]
    return [
        Check(
            3,
            "gold's bars are those worked out afresh from bronze",
            not examples,
            {"bars": stored, "worked out": expected},
            examples,
        ),
        Check(3, "gold.bars_1m holds one row a key", not twice, {"rows": merged}, twice),
    ]


def _examples(connection: "duckdb.DuckDBPyConnection", query: str) -> list[str]:
    """The first rows of a query for what is wrong."""
    return [
        " ".join(str(value) for value in row) for row in connection.execute(f"{query} LIMIT 5").fetchall()
    ]
