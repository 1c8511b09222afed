"""Minutes end to end: an imported file and a stream to silver, gold, days and parity."""

from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.check_parity import show
from jobs.lake.alerts import Alerts
from jobs.lake.daily_build import build_daily
from jobs.lake.errors import NoDataError, RejectedDataError
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from jobs.lake.minutes_build import build_minutes
from jobs.lake.parity import check_parity
from jobs.lake.postgres import Connection
from producers.events import Message
from tests.builders import line
from tests.stack import Stack, call, no_spark

pytestmark = pytest.mark.longest

AT = ("--fetched-at", "2020-12-19T22:00Z", "--basis", "raw")
OF_MINUTES = ("--dataset", "bars_1m", "--labels", "end", "--time-zone", "US/Eastern", "--symbol", "MSFT")
NUMBERS = "open=open,high=high,low=low,close=close,volume=volume"
OF_2020 = {"first": date(2020, 11, 1), "last": date(2021, 1, 1)}
OF_2023 = {"first": date(2023, 9, 5), "last": date(2023, 9, 6)}


def run(job: Callable[..., Any], stack: Stack, **options: Any) -> Any:
    return job(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **options)


def imported(file: Path, *options: str) -> None:
    code, out, err = call("import", *AT, *options, file)
    assert code == 0, out + err


@pytest.mark.usefixtures("compiled")
def test_recorded_minutes_and_days_meet_in_gold_and_the_ledger_says_how_well(
    raw: Stack, market_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (minutes,) = (market_data / "alpha_vantage_http").glob("MSFT_1min_extended_*.csv")
    imported(minutes, "--source", "minutes", *OF_MINUTES, "--columns", f"stamp=time,{NUMBERS}")
    loaded = run(load_history, raw)
    assert (loaded.accepted, loaded.rejected, loaded.headers) == (11_190, 0, 1)
    silver, gold = sorted(run(build_minutes, raw, **OF_2020), key=lambda one: one.table, reverse=True)
    assert (silver.table, silver.inserted, gold.table, gold.inserted) == (
        "silver.vendor_bars_1m",
        11_190,
        "gold.minutes",
        11_190,
    )
    assert [one.version for one in run(build_minutes, raw, **OF_2020)] == [None, None]
    (first,) = raw.sql("SELECT * FROM gold.minutes ORDER BY bar_start LIMIT 1")
    assert (first["bar_start"], first["source"], first["choice"], first["is_backfilled"], first["row"]) == (
        "2020-11-23T09:00:00Z",
        "minutes",
        "vendor",
        "true",
        "11191",
    )
    # the days of the same sessions, of another source
    _import_days(market_data, tmp_path)
    run(load_history, raw)
    run(build_daily, raw, **OF_2020)
    run(adjust_prices, raw, **OF_2020)
    capsys.readouterr()
    found = {one.column: one for one in _sum(run(check_parity, raw, **OF_2020))}
    assert {name: (one.compared, one.mismatched) for name, one in found.items()} == dict.fromkeys(
        ("day", "open", "high", "low", "close", "volume"), (19, 0)
    )
    assert max(found[name].worst for name in ("open", "high", "low")) < 0.006
    assert 0.43 < found["close"].worst < 0.45
    show(list(found.values()))
    assert "minutes_and_day" in capsys.readouterr().out
    with closing(Connection(raw.settings)) as ledger:
        asked = "SELECT sum(compared), sum(mismatched) FROM parity WHERE column_name = 'close'"
        assert ledger.execute(asked) == [(19, 0)]


def _import_days(market_data: Path, folder: Path) -> None:
    """The days of these sessions, of a file whose texts stand in quotes."""
    lines = (
        (market_data / "questdb_finance" / "nasdaq_open_close.csv").read_text().replace('"', "").splitlines()
    )
    file = folder / "days.csv"
    wanted = [line for line in lines[1:] if line.startswith("MSFT,") and "2020-11-01" < line[-27:] < "2021"]
    file.write_text("\n".join([lines[0], *wanted, ""]))
    columns = "symbol=Ticker,session=Timestamp,open=Open,high=High,low=Low,close=Close,volume=Volume"
    imported(file, "--source", "days", "--columns", columns, "--fetched-at", "2021-01-02T22:00Z")


def _sum(found: list[Any]) -> list[Any]:
    """Over all sessions."""
    total: dict[str, Any] = {}
    for one in found:
        so_far = total.get(one.column)
        worst = max((w for w in (one.worst, so_far and so_far.worst) if w is not None), default=None)
        total[one.column] = one._replace(
            compared=one.compared + (so_far.compared if so_far else 0),
            mismatched=one.mismatched + (so_far.mismatched if so_far else 0),
            worst=worst,
        )
    return list(total.values())


def test_the_stream_is_compared_with_bronze_and_a_bar_that_differs_is_an_alert(
    raw: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a session that is over is final at once
    monkeypatch.setenv("TAPEHOUSE_LATENESS_MINUTES", "0")
    with pytest.raises(NoDataError, match="no minutes to build from"):
        run(build_minutes, raw, **OF_2023)
    raw.send(_quotes())
    raw.drain()
    file = tmp_path / "minutes.csv"
    told = [f"2023-09-05 10:3{n},20,20,20,20,5" for n in (0, 1, 4)]
    file.write_text("\n".join(["time,open,high,low,close,volume", *told, ""]))
    imported(
        file,
        "--source",
        "mine",
        *OF_MINUTES[:6],
        "--symbol",
        "AAPL",
        "--columns",
        f"stamp=time,{NUMBERS}",
        "--fetched-at",
        "2023-09-06T22:00Z",
    )
    run(load_history, raw)
    run(build_minutes, raw, **OF_2023)
    served = "SELECT strftime(bar_start, '%H:%M') AS m, choice, close::INT AS c FROM gold.minutes ORDER BY 1"
    assert [tuple(row.values()) for row in raw.sql(served)] == [
        ("14:29", "vendor", "20"),
        ("14:30", "vendor", "20"),
        ("14:31", "stream", "11"),
        ("14:33", "vendor", "20"),
    ]
    found = run(check_parity, raw, **OF_2023)
    assert {one.kind for one in found} == {"stream_and_batch"}
    assert {(one.compared, one.mismatched) for one in found} == {(2, 0)}
    # somebody has written into gold
    _change_a_bar(raw)
    changed = {one.column: one for one in run(check_parity, raw, **OF_2023) if one.mismatched}
    assert {name: (one.compared, one.mismatched, one.worst) for name, one in changed.items()} == {
        "close": (2, 1, 88.0)
    }
    with closing(Alerts(raw.settings)) as alerts:
        (alert,) = [one for one in alerts.are_open() if one.subject == "gold.bars_1m 2023-09-05"]
        assert "close 1 of 2" in alert.found
    with pytest.raises(NoDataError, match="nothing to compare"):
        run(check_parity, raw, first=date(2001, 1, 2), last=date(2001, 1, 3))


def _quotes() -> list[Message]:
    return [line("14:30:01", "10", "100"), line("14:31:01", "11", "150")]


def _change_a_bar(stack: Stack) -> None:
    """Both in the merged table and, if it is still there, in the log."""
    from delta.tables import DeltaTable

    from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG

    for table in (GOLD_BARS_1M, GOLD_BARS_1M_LOG):
        there = DeltaTable.forPath(stack.spark, table.path(stack.settings))
        there.update("close = 11", {"close": "99"})


def test_files_that_hold_no_minutes_are_refused_or_are_exit_code_42(raw: Stack, tmp_path: Path) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text("Datetime,Open,High,Low,Close,Volume\n2020-11-23 09:31,1,1,1,1,1\n")
    columns = ("--source", "mine", "--columns", f"stamp=time,{NUMBERS}")
    code, _, err = call("import", *AT, *OF_MINUTES, *columns, file)
    assert (code, "no column time, open" in err) == (1, True)
    for options, said in (
        (OF_MINUTES[:4], "no --time-zone"),
        (("--dataset", "bars_1m", "--symbol", "A"), "no --labels and no --time-zone"),
        ((*OF_MINUTES[:4], "--time-zone", "Mars/Olympus", "--symbol", "A"), "no time zone Mars/Olympus"),
        (("--labels", "end", "--symbol", "A"), "days have no stamps"),
        ((*OF_MINUTES, "--layout", "wiki"), "is one of daily bars"),
    ):
        named = columns[:2] if "--layout" in options else columns
        code, _, err = call(
            "import", *AT, *options, *named, *(() if "--symbol" in options else ("--symbol", "A")), file
        )
        assert (code, said in err) == (2, True), err
    file.write_text("")
    imported(file, *OF_MINUTES, *columns)
    with pytest.raises(RejectedDataError, match="1 empty"):
        run(load_history, raw)
    file.write_text("time,open,high,low,close,volume\n2020-03-08 02:31,1,1,1,1,1\n")
    imported(file, *OF_MINUTES, *columns)
    with pytest.raises(RejectedDataError, match="line 2: stamp_does_not_exist"):
        run(load_history, raw)
    assert run(build_minutes, raw, **OF_2020)[0].inserted == 0


def test_a_lake_without_minutes_is_told_before_a_spark_is_started(raw: Stack, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="no minutes"):
        build_minutes(raw.settings, **OF_2020, start_spark=no_spark)
    file = tmp_path / "days.csv"
    file.write_text("day,open,high,low,close,volume\n2020-11-23,1,1,1,1,1\n")
    imported(file, "--symbol", "AAPL", "--columns", f"session=day,{NUMBERS}", "--source", "mine")
    run(load_history, raw)
    with pytest.raises(NoDataError, match="no object of bars_1m"):
        build_minutes(raw.settings, **OF_2020, start_spark=no_spark)
