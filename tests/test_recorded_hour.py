"""The recorded hour, end to end, against the bars that were worked out without Spark."""

import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from producers.disturbances import Disturbances, disturb
from producers.recording import read_recording
from producers.tape import Delivery
from tests.stack import Stack, call

SEEDS, BATCHES = (1, 2, 3), (200_000, 4_000, 200)
CUTS = list(product(SEEDS, BATCHES))
ROUGH = Disturbances(duplicates=0.05, malformed=0.01, late=0.02, late_minutes=10, shuffle_minutes=10)
NOW_US = time.time_ns() // 1000
COLUMNS = "symbol, bar_start, open, high, low, close, volume, vwap, quote_count, volume_is_complete"
BARS = f"SELECT {COLUMNS} FROM gold.bars_1m WHERE source = 'yahoo_recording' ORDER BY 1, 2"
# the small batches take the beginning of the hour
PART = "2023-09-05T16:05"

pytestmark = pytest.mark.usefixtures("compiled")


def test_the_recorded_hour_gives_the_540_bars(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]]
) -> None:
    stack.send(delivery.message for delivery in read_recording(recorded_hour))
    stack.drain()
    assert len(answers) == 540
    assert stack.sql(BARS) == answers


@pytest.mark.long
@pytest.mark.parametrize(("seed", "batch"), CUTS)
def test_duplicates_rubbish_and_late_quotes_change_no_bar(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]], seed: int, batch: int
) -> None:
    hour = read_recording(recorded_hour)
    if batch == 200:
        hour, answers = before(PART, hour, answers)
    stack.send(d.message for d in disturb(hour, ROUGH, seed=seed, now_us=NOW_US))
    stack.drain(max_offsets=batch)
    assert len(answers) > 40
    assert stack.sql(BARS) == answers
    code, report, errors = call("verify")
    assert code == 0, report + errors


def before(
    end: str, hour: list[Delivery], answers: list[dict[str, str]]
) -> tuple[list[Delivery], list[dict[str, str]]]:
    end_us = int(datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp()) * 1_000_000
    kept = [d for d in hour if d.message.quote and d.message.quote.event_time_us < end_us]
    return kept, [bar for bar in answers if bar["bar_start"] < end]
