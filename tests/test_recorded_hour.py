"""The recorded hour, end to end, against the bars that were worked out without Spark."""

import csv
import time
from pathlib import Path

import pytest

from producers.disturbances import Disturbances, disturb
from producers.recording import read_recording
from tests.stack import Stack, call

ROUGH = Disturbances(duplicates=0.05, malformed=0.01, late=0.02, late_minutes=10, shuffle_minutes=10)
NOW_US = time.time_ns() // 1000
COLUMNS = "symbol, bar_start, open, high, low, close, volume, vwap, quote_count, volume_is_complete"
BARS = f"SELECT {COLUMNS} FROM gold.bars_1m WHERE source = 'yahoo_recording' ORDER BY 1, 2"
TEN_MINUTES_US = 600 * 1_000_000


@pytest.fixture(scope="session")
def answers(market_data: Path) -> list[dict[str, str]]:
    with (market_data.parent / "answers" / "bars_1m_2023-09-05.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_recorded_hour_gives_the_540_bars(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]]
) -> None:
    stack.send(delivery.message for delivery in read_recording(recorded_hour))
    stack.drain()
    assert len(answers) == 540
    assert stack.sql(BARS) == answers


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("batch", [2_000, 200_000])
def test_duplicates_rubbish_and_late_quotes_change_no_bar(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]], seed: int, batch: int
) -> None:
    tape = disturb(read_recording(recorded_hour), ROUGH, seed=seed, now_us=NOW_US)
    stack.send(delivery.message for delivery in tape)
    stack.drain(max_offsets=batch)
    assert stack.sql(BARS) == answers
    code, report, errors = call("verify")
    assert code == 0, report + errors


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_batches_of_200_give_the_same_bars(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]], seed: int
) -> None:
    hour = read_recording(recorded_hour)
    begin = min(
        d.message.quote.event_time_us
        for d in hour
        if d.message.quote and d.at_us == d.message.quote.event_time_us
    )
    begin -= begin % 60_000_000
    first = [d for d in hour if d.message.quote and d.message.quote.event_time_us < begin + TEN_MINUTES_US]
    stack.send(d.message for d in disturb(first, ROUGH, seed=seed, now_us=NOW_US))
    stack.drain(max_offsets=200)
    bars = stack.sql(BARS)
    assert len(bars) > 80
    assert bars == [bar for bar in answers if bar["bar_start"] < "2023-09-05T16:10"]
