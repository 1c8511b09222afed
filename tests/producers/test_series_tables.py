"""Alpha Vantage's series as tables, and what its minutes are called by."""

import csv
from pathlib import Path

import pytest

from producers.series_tables import labels_of, render_series


def test_rows_are_as_sent_and_oldest_first() -> None:
    series = {
        "2026-11-24": {"1. open": "431.50", "5. volume": "2000"},
        "2026-11-23": {"1. open": "430.2500", "5. volume": "1000"},
    }
    assert render_series(series) == (
        b"timestamp,1. open,5. volume\n2026-11-23,430.2500,1000\n2026-11-24,431.50,2000\n",
        2,
    )


def test_a_row_with_other_columns_is_not_taken_for_one_of_these() -> None:
    with pytest.raises(ValueError, match="2026-11-24"):
        render_series({"2026-11-23": {"1. open": "1"}, "2026-11-24": {"1. close": "1"}})


@pytest.mark.parametrize(
    ("times", "labels"),
    [
        (["04:00:00", "19:59:00"], "start"),
        (["04:01:00", "20:00:00"], "end"),
        # a thin symbol before and after the session
        (["08:15:00", "16:00:00", "17:30:00"], "unknown"),
        # the regular session alone
        (["09:30:00", "15:59:00"], "start"),
        (["09:31:00", "16:00:00"], "end"),
        (["10:00:00", "12:00:00"], "unknown"),
    ],
)
def test_minutes_are_called_by_their_start_or_by_their_end(times: list[str], labels: str) -> None:
    assert labels_of({f"2026-11-23 {time}": {} for time in times}) == labels


def test_days_are_called_by_the_day() -> None:
    assert labels_of({"2026-11-23": {}}) == "day"


def test_the_recorded_minutes_of_2020_are_called_by_their_end(market_data: Path) -> None:
    file = market_data / "alpha_vantage_http" / "MSFT_1min_extended_2020-11-23_2020-12-18.csv"
    with file.open() as lines:
        stamps = [row["time"] for row in csv.DictReader(lines)]
    assert len(stamps) == 11_190
    assert labels_of(dict.fromkeys(stamps)) == "end"
