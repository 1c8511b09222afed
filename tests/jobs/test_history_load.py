"""Files to bronze.history and on to versions of daily bars: whatever the order, however often, whatever is wrong."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.daily_build import build_daily
from jobs.lake.errors import NoDataError, RejectedDataError
from jobs.lake.history_load import Loaded, load_history
from jobs.lake.settle import Settled
from tapehouse.vendors import s3_client
from tests.captures import compare, lines_of
from tests.producers.test_imports import capture
from tests.stack import Stack, call

pytestmark = pytest.mark.longest

HEADER = "symbol,date,open,high,low,close,volume,adj_close"
OPTIONS = ("--source", "pystock", "--basis", "raw", "--fetched-at", "22:00Z", "--layout", "pystock")
RANGE = {"first": date(2017, 1, 1), "last": date(2017, 2, 1)}
VERSIONS = """SELECT instrument_id, session, known_from, known_to, close, volume, array_to_string(flags, ' ') AS flags
FROM silver.bars_1d ORDER BY 1, 2, 3"""


def days(*rows: str) -> bytes:
    """A table of the captures; a row is `symbol day close volume`, of January 2017."""
    lines = [HEADER]
    for row in rows:
        symbol, day, close, volume = row.split()
        lines.append(f"{symbol},2017-01-{day},{close},{close},{close},{close},{volume},{close}")
    return "\r\n".join(lines).encode() + b"\r\n"


def captured(folder: Path, day: str, content: bytes) -> Path:
    (folder / day).mkdir()
    return capture(folder / day, content).rename(folder / day / f"201701{day}.tar.gz")


def imported(*files: Path) -> None:
    code, out, err = call("import", *OPTIONS, "--instruments", "provisional", *files)
    assert code == 0, out + err


def loaded(stack: Stack, **how: Any) -> Loaded:
    return load_history(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **how)


def built(stack: Stack) -> Settled:
    bars, _ = build_daily(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **RANGE)
    return bars


@pytest.fixture
def raw(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    return stack


def test_a_later_capture_makes_a_version_where_it_tells_otherwise(raw: Stack, tmp_path: Path) -> None:
    imported(
        captured(tmp_path, "03", days("AA 03 10 100", "BB 03 5 7")),
        captured(tmp_path, "04", days("AA 03 10 120", "AA 04 11 50", "BB 03 5.00 7")),
        captured(tmp_path, "05", days("AA 03 10 120", "AA 04 11 50")),
    )
    counts = loaded(raw)
    assert (counts.objects, counts.accepted, counts.rejected, counts.headers) == (3, 7, 0, 3)
    assert built(raw).inserted == 4
    times = ["2017-01-03T22:00:00Z", "2017-01-04T22:00:00Z"]
    found = [tuple(row.values()) for row in raw.sql(VERSIONS)]
    assert found == [
        ("pystock:AA", "2017-01-03", times[0], times[1], "10.000000000000", "100", ""),
        ("pystock:AA", "2017-01-03", times[1], "", "10.000000000000", "120", ""),
        ("pystock:AA", "2017-01-04", times[1], "", "11.000000000000", "50", ""),
        ("pystock:BB", "2017-01-03", times[0], "", "5.000000000000", "7", ""),
    ]
    # again: nothing is loaded, and nothing is written
    assert loaded(raw).objects == 0
    again = built(raw)
    assert (again.untouched, again.version) == (4, None)


def test_the_order_of_loading_does_not_matter(raw: Stack, tmp_path: Path) -> None:
    tables = {f"{day:02d}": days(f"AA 03 10 {100 + day % 3}", f"AA 04 {day} 5") for day in range(4, 7)}
    files = {day: captured(tmp_path, day, table) for day, table in tables.items()}
    order = list(files)
    random.Random(3).shuffle(order)
    for day in order:
        imported(files[day])
        loaded(raw)
        built(raw)
    one_by_one = raw.sql(VERSIONS)
    volumes = [row["volume"] for row in one_by_one if row["session"] == "2017-01-03"]
    assert volumes == [str(100 + day % 3) for day in range(4, 7)]
    for before, after in itertools.pairwise(one_by_one[:3]):
        assert before["known_to"] == after["known_from"]


def test_what_is_wrong_is_kept_aside_with_its_reason_and_the_rest_is_taken(
    raw: Stack, tmp_path: Path
) -> None:
    good = [f"AA {day:02d} 10 1" for day in range(3, 31)]
    bad = {
        "AA,2017-01-03,1,1,1,1,1": "wrong_field_count",
        "AA,2017-01-03,,,,,,": "no_prices",
        ",2017-01-03,1,1,1,1,1,1": "no_symbol",
        "AA,soon,1,1,1,1,1,1": "session_not_a_date",
        "AA,2017-01-03,1,x,1,1,1,1": "price_not_a_number",
        "AA,2017-01-03,-1,1,1,1,1,1": "price_negative",
        "AA,2017-01-03,1,1,1,12345678901234567,1,1": "price_too_large",
        "AA,2017-01-03,1,1,1,1,1.5,1": "volume_not_whole",
        "AA,2018-01-03,1,1,1,1,1,1": "future",
    }
    table = days(*good) + "\r\n".join([*bad, HEADER, *list(bad)[:1]]).encode()
    imported(captured(tmp_path, "30", table))
    with pytest.raises(RejectedDataError, match="28 of 37 lines accepted"):
        loaded(raw)
    rejected = raw.sql(
        "SELECT line, array_to_string(violations, ' ') AS rules FROM silver.history_rejected ORDER BY row"
    )
    assert [(row["line"], row["rules"]) for row in rejected] == [*bad.items(), next(iter(bad.items()))]
    assert raw.one("SELECT count(*) FROM bronze.history WHERE row > 0") == str(1 + 28 + 9 + 2)
    built(raw)
    assert raw.one("SELECT count(*) FROM silver.bars_1d") == "28"
    assert raw.one("SELECT count(*) FROM silver.bars_1d WHERE list_contains(flags, 'closed_day')") == str(
        sum(date(2017, 1, day).weekday() > 4 or day == 16 for day in range(3, 31))
    )


def test_a_bad_line_that_is_told_again_is_kept_aside_again_and_fails_no_other_load(
    raw: Stack, tmp_path: Path
) -> None:
    imported(captured(tmp_path, "04", days("AA 03 -1 1")))
    with pytest.raises(RejectedDataError, match="0 of 1 lines accepted"):
        loaded(raw)
    imported(captured(tmp_path, "05", days("AA 03 -1 1", "AA 04 10 1")))
    again = loaded(raw)
    assert (again.accepted, again.rejected, again.told_before) == (1, 1, 1)
    imported(captured(tmp_path, "06", days("AA 03 -2 1", "AA 04 10 1")))
    with pytest.raises(RejectedDataError, match="1 of 2 lines accepted"):
        loaded(raw)
    assert raw.one("SELECT count(*) FROM silver.history_rejected") == "3"


def test_lines_of_one_bar_in_one_object_are_one_telling(raw: Stack, tmp_path: Path) -> None:
    imported(
        captured(tmp_path, "04", days("AA 03 10 1", "AA 03 10 1", "AA 03 11 1", "BB 03 1 1", "BB 03 1 1"))
    )
    counts = loaded(raw)
    assert (counts.accepted, counts.copies) == (3, 2)
    built(raw)
    found = {row["instrument_id"]: (row["close"], row["flags"]) for row in raw.sql(VERSIONS)}
    assert found == {
        "pystock:AA": ("11.000000000000", "conflicting_rows"),
        "pystock:BB": ("1.000000000000", ""),
    }


def test_an_object_that_was_lost_is_told_and_nothing_is_loaded(raw: Stack, tmp_path: Path) -> None:
    imported(captured(tmp_path, "03", days("AA 03 10 100")))
    client = s3_client(raw.settings)
    (lost,) = [
        one["Key"]
        for one in client.list_objects_v2(Bucket="raw", Prefix=raw.topic)["Contents"]
        if one["Key"].endswith(".csv")
    ]
    client.delete_object(Bucket="raw", Key=lost)
    with pytest.raises(RejectedDataError, match="a sidecar names is not in the raw bucket"):
        loaded(raw)


def test_an_empty_object_is_recorded_and_its_load_is_exit_code_42(raw: Stack, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="holds no history"):
        loaded(raw)
    imported(captured(tmp_path, "03", b""))
    with pytest.raises(RejectedDataError) as refused:
        loaded(raw)
    assert refused.value.exit_code == 42
    assert raw.one("SELECT count(*) FROM bronze.history") == "1"
    assert loaded(raw).objects == 0
    # beside others it is no failure
    imported(captured(tmp_path, "04", days("AA 04 1 1")), captured(tmp_path, "05", b""))
    counts = loaded(raw)
    assert (counts.objects, counts.empty, counts.accepted) == (2, 1, 1)


def test_a_capture_that_holds_most_of_its_lines_twice_is_taken(
    raw: Stack, market_data: Path, compiled: None
) -> None:
    del compiled
    (file,) = (market_data / "pystock_daily_captures").glob("20150406*.tar.gz")
    imported(file)
    counts = loaded(raw)
    assert counts.lines == 36_260 + 2
    assert counts.copies == 24_151
    # the header stands in it once more
    assert counts.headers == 2
    build_daily(
        raw.settings,
        start_spark=lambda: raw.spark,
        stop_asked=lambda: False,
        first=date(2015, 1, 1),
        last=date(2016, 1, 1),
    )
    conflicts = "SELECT count(*) FROM silver.bars_1d WHERE list_contains(flags, 'conflicting_rows')"
    assert raw.one(conflicts) == "8"


def test_the_captures_of_2017_hold_the_versions_that_were_counted_and_what_was_known_on_ten_days(
    raw: Stack, market_data: Path, compiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del compiled
    import json

    answers = json.loads((market_data.parent / "answers" / "revisions_2017q1.json").read_text())
    files = sorted((market_data / "pystock_daily_captures").glob("2017*.tar.gz"))
    imported(*files)
    counts = loaded(raw)
    assert counts.lines - counts.headers == answers["rows_read"]
    assert counts.rejected == 0
    build_daily(
        raw.settings,
        start_spark=lambda: raw.spark,
        stop_asked=lambda: False,
        first=date(2016, 1, 1),
        last=date(2018, 1, 1),
    )
    (found,) = raw.sql("""
        SELECT count(*) AS bar_versions, count(DISTINCT (instrument_id, session)) AS keys,
            count(DISTINCT instrument_id) AS symbols, count(DISTINCT session) AS sessions,
            count(DISTINCT session) FILTER (list_contains(flags, 'closed_day')) AS closed
        FROM silver.bars_1d""")
    assert found == {name: str(answers[name]) for name in ("bar_versions", "keys", "symbols", "sessions")} | {
        "closed": "3"
    }
    lines, dice = lines_of(files), random.Random(20170203)
    monkeypatch.setattr("tapehouse.known_at.FOLDER", tmp_path / "known")
    days_of_captures = sorted(file.name[:8] for file in files)
    for day in dice.sample(days_of_captures, 10):
        moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(hours=dice.choice((21, 22)))
        counts = compare(raw.settings, lines, moment)
        assert counts["silver.bars_1d"] >= counts["gold.bars_1d"] > 0
