"""Alpha Vantage's series as tables, and what its minutes are called by."""

import csv
from pathlib import Path

import pytest

from producers.series_tables import COLUMNS, labels_of, render_series, unknown_fields


def row(*values: str) -> dict[str, str]:
    return dict(zip(COLUMNS, values, strict=False))


def test_rows_are_as_sent_and_oldest_first() -> None:
    series = {
        "2026-11-24": row("431.50", "432.00", "431", "431.75", "2000"),
        "2026-11-23": row("430.2500", "430.5", "430", "430.1", "1000"),
    }
    assert render_series(series) == (
        b"timestamp,1. open,2. high,3. low,4. close,5. volume\n"
        b"2026-11-23,430.2500,430.5,430,430.1,1000\n2026-11-24,431.50,432.00,431,431.75,2000\n",
        2,
    )


def test_a_row_with_other_columns_is_not_taken_for_one_of_these() -> None:
    other = row("1", "1", "1", "1", "1") | {"6. dividend": "0"}
    with pytest.raises(ValueError, match="2026-11-24"):
        render_series({"2026-11-23": row("1", "1", "1", "1", "1"), "2026-11-24": other})


def test_a_column_that_is_lost_or_no_number_is_named_and_a_new_one_is_kept() -> None:
    with pytest.raises(ValueError, match=r"lost_5\. volume"):
        render_series({"2026-11-23": row("1", "1", "1", "1")})
    with pytest.raises(ValueError, match=r"retyped_4\. close"):
        render_series({"2026-11-23": row("1", "1", "1", "None", "1")})
    more = {"2026-11-23": row("1", "1", "1", "1", "1") | {"6. dividend": "0"}}
    assert unknown_fields(more) == ["6. dividend"]
    assert render_series(more)[0].endswith(b",6. dividend\n2026-11-23,1,1,1,1,1,0\n")


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
