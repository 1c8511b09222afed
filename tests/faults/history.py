"""`tapehouse history` under kill -9: what was fetched stays, nothing is fetched twice, no budget is overrun."""

import random
import re
import time
import uuid
from collections import Counter
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from jobs.lake.fetches import Fetches
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings
from producers.chart_tables import render_actions, render_bars
from producers.history import ACTIONS, DAILY
from producers.raw_store import Range
from producers.series_tables import COLUMNS
from tapehouse.paths import VENV
from tapehouse.vendors import open_raw_store
from tests.bench.symbols import SYMBOLS, write_instruments
from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer, chart

BEGIN, END = date(2026, 11, 2), date(2026, 11, 21)
DAYS = [(f"2026-11-{day:02}T14:30", 400.0 + day, 1000 + day) for day in (2, 3, 4, 5, 6)]
ENDS_WITHIN = 120
A_DAY, PROCESSES = 25, 4
BUDGETS = """version: 1
sources:
  yahoo: {day_in: America/New_York, shared_from: "20:00", seconds_between_calls: 0, calls: {daily: 5000}}
  alpha_vantage:
    {day_in: America/New_York, shared_from: "20:00", seconds_between_calls: 0.4, calls: {daily: 25}}
"""


def killed_half_way(lake: Lake, options: Options) -> None:
    """50 symbols; the run is killed when half of them are asked for, and goes on with --resume."""
    chance = options.chance()
    symbols = SYMBOLS[:50]
    with YahooServer({symbol: chart(symbol, DAYS) for symbol in symbols}) as server:
        _prepare(lake, TAPEHOUSE_YAHOO_URL=server.url)
        command = _command("yahoo", symbols)
        run = lake.program(command)
        asked = chance.randrange(40, 60)
        run.wait_for(lambda: _ranges(server) >= asked, what=f"{asked} requests", seconds=ENDS_WITHIN)
        lake.meet(Fault("history", "kill -9", f"after {asked} of 100 requests"))
        run.kill()
        complete = _pairs(lake, symbols)
        assert len(complete) < 100, "it was killed too late"
        _end_well(lake.program([*command[:2], "--resume"]))
        at_the_end = _pairs(lake, symbols)
    assert len(at_the_end) == 100, f"{len(at_the_end)} pairs"
    assert complete.items() <= at_the_end.items(), "a pair that was complete is another one now"
    again = {key: times for key, times in _times(server).items() if times > 1}
    assert not again.keys() & complete.keys(), f"fetched again although complete: {again}"
    assert len(again) <= 1, f"fetched more than once: {again}"  # the one that was under way


def never_beyond_the_budget(lake: Lake, options: Options) -> None:
    """40 calls are wanted of 25 by four processes, killed and started again; the rest comes the next day."""
    chance = options.chance()
    series = {"2026-11-20": dict(zip(COLUMNS, ("1.0", "1.2", "0.9", "1.1", "10"), strict=True))}
    answer = {"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": series}
    symbols = SYMBOLS[:40]
    answers = {("TIME_SERIES_DAILY", symbol): answer for symbol in symbols}
    with AlphaVantageServer(answers, key="a-key", a_day=10_000) as server:
        _prepare(lake, TAPEHOUSE_ALPHA_VANTAGE_URL=server.url, ALPHAVANTAGE_API_KEY="a-key")
        parts = [symbols[number::PROCESSES] for number in range(PROCESSES)]
        commands = [_command("alpha_vantage", part) for part in parts]
        running = [lake.program(command) for command in commands]
        for run in running:
            run.wait_for(lambda: _requests(lake) == PROCESSES, what="all requests", seconds=ENDS_WITHIN)
        for _ in range(options.kills):
            time.sleep(chance.uniform(0.2, 2))
            lake.meet(Fault("one of four that fetch", "kill -9", "within a budget of 25"))
            chance.choice(running).kill()
        _resume_all(lake, running, chance)
        first_day = len(server.asked)
        assert first_day <= A_DAY, f"{first_day} calls on a day of {A_DAY}"
        with closing(Connection(lake.settings)) as ledger:  # as if it was yesterday
            ledger.execute("UPDATE calls SET day = day - 1")
        _resume_all(lake, [], chance)
        assert len(server.asked) - first_day <= A_DAY
    missing = [symbol for symbol in symbols if not _found(lake, "alpha_vantage", DAILY, symbol)]
    assert not missing, f"never fetched: {missing}"


def _prepare(lake: Lake, **environment: str) -> None:
    budgets = lake.folder / "budgets.yaml"
    budgets.write_text(BUDGETS)
    instruments = write_instruments(lake.folder / "instruments.yaml")
    both = re.sub(r"\{yahoo: (\w+)\}", r"{yahoo: \1, alpha_vantage: \1}", instruments.read_text())
    instruments.write_text(both)
    lake.environment |= {
        "TAPEHOUSE_INSTRUMENTS": str(instruments),
        "TAPEHOUSE_BUDGETS": str(budgets),
        "TAPEHOUSE_RAW_URL": f"s3://raw/{uuid.uuid4().hex}",
        **environment,
    }


def _command(source: str, symbols: list[str]) -> list[str | Path]:
    wanted = ["--source", source, "--symbols", ",".join(symbols), "--from", str(BEGIN), "--to", str(END)]
    return [VENV / "bin" / "tapehouse", "history", *wanted]


def _end_well(run: Driver) -> None:
    code = run.ended(seconds=ENDS_WITHIN)
    assert code == 0, f"ended with {code}; {run.last_words}"


def _resume_all(lake: Lake, running: list[Driver], chance: random.Random) -> None:
    """Wait for those that run, then go on with every request that is not finished, one killed on its way."""
    for run in running:
        run.process.wait(ENDS_WITHIN)
    with closing(Connection(lake.settings)) as ledger:
        left = ledger.execute("SELECT request_id FROM history_requests WHERE finished_at IS NULL ORDER BY 1")
    command = [VENV / "bin" / "tapehouse", "history", "--resume"]
    again = [lake.program([*command, str(request_id)]) for (request_id,) in left]
    if again:
        time.sleep(chance.uniform(1, 4))
        lake.meet(Fault("one that was resumed", "kill -9", "within the budget of the day"))
        killed = chance.randrange(len(again))
        again[killed].kill()
        again[killed] = lake.program([*command, str(left[killed][0])])
    for run in again:
        run.process.wait(ENDS_WITHIN)


def _requests(lake: Lake) -> int:
    with closing(Fetches(lake.settings)), closing(Connection(lake.settings)) as ledger:
        ((number,),) = ledger.execute("SELECT count(*) FROM history_requests WHERE source = 'alpha_vantage'")
    return int(number)


def _found(lake: Lake, source: str, dataset: str, symbol: str) -> list[str]:
    store = open_raw_store(_settings(lake))
    return [kept.sidecar for kept in store.find(Range(source, dataset, symbol, BEGIN, END))]


def _settings(lake: Lake) -> Settings:
    return Settings(**lake.environment)


def _pairs(lake: Lake, symbols: list[str]) -> dict[tuple[str, str], str]:
    """The one complete pair of each symbol and dataset, whole and with the table that its body gives."""
    store = open_raw_store(_settings(lake))
    pairs: dict[tuple[str, str], str] = {}
    for symbol in symbols:
        for dataset in (ACTIONS, DAILY):
            found = _found(lake, "yahoo", dataset, symbol)
            assert len(found) <= 1, f"twice: {found}"
            for sidecar in found:
                described, body, table = store.read(sidecar)
                at = datetime.fromisoformat(described["fetched_at"])
                again = render_actions(body) if dataset == ACTIONS else render_bars(body, fetched_at=at)
                assert again == (table, described["table"]["rows"]), sidecar
                pairs[symbol, dataset] = sidecar
    return pairs


def _times(server: YahooServer) -> Counter[tuple[str, str]]:
    """How often each symbol and dataset was asked for."""
    return Counter(
        (asked.path.rsplit("/", 1)[1], ACTIONS if asked.query["interval"] == "3mo" else DAILY)
        for asked in server.asked
        if "period1" in asked.query
    )


def _ranges(server: YahooServer) -> int:
    return sum(_times(server).values())
