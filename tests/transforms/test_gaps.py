"""What is expected of the exchange's calendar and the file, what was received, and what each gap is."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from jobs.lake.check_frames import expected_frame, hours_frame
from jobs.lake.instruments import Followed, Instruments, Listing
from jobs.lake.trading_hours import Expected, Hours, expected_of, hours_of
from transforms.gaps import Told, expect_sessions, find_gaps

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

pytestmark = pytest.mark.long
LATER = datetime(2026, 12, 1, tzinfo=UTC)
EVER = (date(2000, 1, 1), date(9999, 12, 31))
DAYS = "source STRING, instrument_id STRING, session DATE"
BARS = "source STRING, instrument_id STRING, bar_start TIMESTAMP"
REFUSED = "source STRING, instrument_id STRING, width STRING, session DATE"
ANSWERS = "source STRING, instrument_id STRING, width STRING, covers_from DATE, covers_to DATE"


def hours(first: str, last: str, *calendars: str) -> list[Hours]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return hours_of(calendars or ["XNAS"], first=begin, last=end, over_by=LATER)


def one(
    dataset: str, *, source: str = "yahoo", calendar: str = "XNAS", name: str = "A", **span: date
) -> Expected:
    return Expected(source, name, dataset, calendar, span.get("begin", EVER[0]), span.get("end", EVER[1]))


def gaps(spark: "SparkSession", wanted: list[Expected], parts: list[Hours], **told: Any) -> "list[Row]":
    """The gaps, in order; `told` are the rows of `Told` by name."""
    expected = expected_frame(spark, wanted).transform(expect_sessions, hours=hours_frame(spark, parts))

    def frame(name: str, schema: str) -> "DataFrame":
        return spark.createDataFrame(told.get(name, []), schema)

    received = Told(
        days=frame("days", DAYS),
        minutes=frame("minutes", BARS),
        streamed=frame("streamed", BARS),
        untimed=frame("untimed", DAYS),
        answers=frame("answers", ANSWERS),
        refused=frame("refused", REFUSED),
    )
    found = find_gaps(expected, told=received)
    return found.orderBy("source", "instrument_id", "dataset", "gap_start").collect()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every_minute(
    first: str, last: str, *, source: str = "yahoo", name: str = "A"
) -> list[tuple[str, str, datetime]]:
    """A bar of each minute of [first, last)."""
    count = (at(last) - at(first)) // timedelta(minutes=1)
    return [(source, name, at(first) + timedelta(minutes=n)) for n in range(count)]


def told(found: "list[Row]") -> list[tuple[str, ...]]:
    """Where each gap is, how long, and what it is."""
    return [
        (f"{row.gap_start:%m-%dT%H:%M}", f"{row.gap_end:%H:%M}", row.units, row.filled, row.cause, row.state)
        for row in found
    ]


def microsoft(market_data: Path) -> list[tuple[str, str, datetime]]:
    """The bars of the recorded file by their start: its stamps are New York's, and name the end of a minute."""
    (file,) = (market_data / "alpha_vantage_http").glob("MSFT_1min_extended_*.csv")
    with file.open() as lines:
        stamps = [datetime.fromisoformat(row["time"]) for row in csv.DictReader(lines)]
    zone = ZoneInfo("America/New_York")
    return [
        ("alpha_vantage", "A", stamp.replace(tzinfo=zone).astimezone(UTC) - timedelta(minutes=1))
        for stamp in stamps
    ]


def test_nineteen_sessions_of_minutes_are_whole_and_each_cut_is_one_gap(
    spark: "SparkSession", market_data: Path
) -> None:
    parts, bars = hours("2020-11-23", "2020-12-19"), microsoft(market_data)
    lengths = {part.session: (part.closes - part.opens) // timedelta(minutes=1) for part in parts}
    # Thanksgiving is no session, the day after it is half of one
    assert (len(parts), date(2020, 11, 26) in lengths, lengths[date(2020, 11, 27)]) == (19, False, 210)
    assert sum(lengths.values()) == 18 * 390 + 210
    wanted = [one("1m", source="alpha_vantage")]
    month = [("alpha_vantage", "A", "1 minute", date(2020, 11, 1), date(2020, 12, 1))]
    cuts = {at("2020-11-24T14:30"): 1, at("2020-11-27T17:30"): 30, at("2020-12-18T20:55"): 5}
    lost = {start + timedelta(minutes=n) for start, length in cuts.items() for n in range(length)}
    copy = [bar for bar in bars if bar[2] not in lost]
    assert len(bars) - len(copy) == 36
    assert gaps(spark, wanted, parts, minutes=bars) == []
    assert told(gaps(spark, wanted, parts, minutes=copy, answers=month)) == [
        ("11-24T14:30", "14:31", 1, 0, "no_trade", "answered"),
        ("11-27T17:30", "18:00", 30, 0, "no_trade", "answered"),
        ("12-18T20:55", "21:00", 5, 0, "not_fetched", "open"),
    ]


def test_a_venue_with_a_lunch_break_expects_nothing_in_it(spark: "SparkSession") -> None:
    parts = hours("2024-02-08", "2024-02-10", "XHKG", "XTKS")
    wanted = [
        one("1m", calendar="XHKG", name="H"),
        one("1m", calendar="XTKS", name="T"),
        one("1d", calendar="XHKG"),
    ]
    # the new year's eve of Hong Kong ends before the break; a day is one gap
    assert [row[:3] for row in told(gaps(spark, wanted, parts))] == [
        ("02-08T01:30", "08:00", 1),
        ("02-09T01:30", "04:00", 1),
        ("02-08T01:30", "04:00", 150),
        ("02-08T05:00", "08:00", 180),
        ("02-09T01:30", "04:00", 150),
        ("02-08T00:00", "02:30", 150),
        ("02-08T03:30", "06:00", 150),
        ("02-09T00:00", "02:30", 150),
        ("02-09T03:30", "06:00", 150),
    ]


def test_only_what_is_followed_is_expected_and_only_where_it_is_listed(spark: "SparkSession") -> None:
    ends = date(2022, 6, 9)
    listings = [
        Listing("yahoo", "FB", "A", "FB", "XNAS", "XNAS", "America/New_York", "USD", EVER[0], ends),
        Listing("alpha_vantage", "FB", "A", "FB", "XNAS", "XNAS", "America/New_York", "USD", *EVER),
    ]
    followed = [Followed("A", "yahoo", "1d", date(2022, 6, 7), EVER[1])]
    wanted = expected_of(Instruments(listings, [], followed))
    assert wanted == [one("1d", begin=date(2022, 6, 7), end=ends)]
    # from the middle of the range on, until it is not listed any more
    found = gaps(spark, wanted, hours("2022-06-03", "2022-06-15"))
    assert [(str(row.session), row.width, row.cause) for row in found] == [
        ("2022-06-07", "1 day", "not_fetched"),
        ("2022-06-08", "1 day", "not_fetched"),
    ]
    assert gaps(spark, [], hours("2022-06-03", "2022-06-15")) == []


def test_the_clock_that_changes_over_a_weekend_makes_no_gap(spark: "SparkSession") -> None:
    bars = every_minute("2024-03-08T14:30", "2024-03-08T21:00") + every_minute(
        "2024-03-11T13:30", "2024-03-11T20:00"
    )
    assert gaps(spark, [one("1m")], hours("2024-03-08", "2024-03-12"), minutes=bars) == []


def test_a_session_that_is_not_over_is_not_expected() -> None:
    day = date(2026, 11, 24)
    for over_by, number in (("2026-11-24T20:59", 0), ("2026-11-24T21:00", 1)):
        found = hours_of(["XNAS", "XTKS"], first=day, last=day + timedelta(1), over_by=at(over_by))
        assert [part.calendar for part in found] == ["XNAS"] * number + ["XTKS"] * 2


def test_a_day_that_was_told_is_no_gap_and_one_that_was_asked_for_in_vain_says_so(
    spark: "SparkSession",
) -> None:
    parts = hours("2026-11-23", "2026-11-26")
    answers = [
        ("yahoo", "A", "1 day", date(2026, 11, 1), date(2026, 11, 25)),
        ("yahoo", "A", "1 minute", date(2026, 11, 1), date(2026, 12, 1)),
        ("alpha_vantage", "A", "1 day", date(2026, 11, 1), date(2026, 12, 1)),
    ]
    found = gaps(spark, [one("1d")], parts, days=[("yahoo", "A", date(2026, 11, 23))], answers=answers)
    assert told(found) == [
        ("11-24T14:30", "21:00", 1, 0, "no_trade", "answered"),
        ("11-25T14:30", "21:00", 1, 0, "not_fetched", "open"),
    ]
    # it was told, and nobody could take what was told
    refused = [("yahoo", "A", "1 day", date(2026, 11, 24))]
    found = gaps(spark, [one("1d")], parts[1:2], answers=answers, refused=refused)
    assert told(found) == [("11-24T14:30", "21:00", 1, 0, "not_fetched", "open")]


def test_a_stream_is_down_where_nobody_has_a_bar_and_halted_where_only_a_liquid_one_has_none(
    spark: "SparkSession",
) -> None:
    day = "2026-11-24T"
    streamed = [
        *every_minute(f"{day}14:30", f"{day}15:00"),
        # three minutes without a trade, then a halt of ten, and the feed is down for the last hour
        *every_minute(f"{day}15:03", f"{day}16:00"),
        *every_minute(f"{day}16:10", f"{day}20:00"),
        *every_minute(f"{day}14:30", f"{day}20:00", name="B"),
        # one that trades every half hour is never halted
        *[("yahoo", "C", at(f"{day}{hour}:{minute}")) for hour in range(15, 20) for minute in ("00", "30")],
        ("generated", "A", at(f"{day}15:01")),
        # the opening auction alone makes nobody liquid
        ("yahoo", "D", at(f"{day}14:30")),
    ]
    # a vendor has some of the minutes of the outage, and one of those without a quote
    minutes = [
        *every_minute(f"{day}20:00", f"{day}20:20", source="alpha_vantage"),
        ("yahoo", "A", at(f"{day}15:02")),
    ]
    wanted = [one("stream", name=name) for name in "ABCDE"]
    found = gaps(spark, wanted, hours("2026-11-24", "2026-11-25"), streamed=streamed, minutes=minutes)
    by_name: dict[str, list[Any]] = {name: [] for name in "ABCDE"}
    for row in found:
        by_name[row.instrument_id].append(told([row])[0])
    down = ("11-24T20:00", "21:00", 60, 0, "feed_down", "open")
    assert by_name["A"] == [
        ("11-24T15:00", "15:03", 3, 1, "no_trade", "not_wanted"),
        ("11-24T16:00", "16:10", 10, 0, "halt", "open"),
        (*down[:3], 20, *down[4:]),
    ]
    assert by_name["B"] == [down]
    assert {cause for *_, cause, _ in by_name["C"]} == {"no_trade", "feed_down"}
    assert sum(units for _, _, units, *_ in by_name["C"]) == 390 - 10
    assert by_name["D"] == [("11-24T14:31", "20:00", 329, 0, "no_trade", "not_wanted"), down]
    # nobody knows why one has no bar all day while its stream is alive: a vendor is asked
    assert by_name["E"] == [("11-24T14:30", "20:00", 330, 0, "halt", "open"), down]
    # once the vendor has answered, what it has fills the gap and what it has not is known to be nothing
    answers = [("yahoo", "A", "1 minute", date(2026, 11, 24), date(2026, 11, 25))]
    again = gaps(
        spark,
        wanted[:1],
        hours("2026-11-24", "2026-11-25"),
        streamed=streamed,
        minutes=minutes,
        answers=answers,
    )
    assert [row.state for row in again] == ["filled", "answered", "filled"]


def test_a_stream_that_tells_no_time_is_expected_once_a_session(spark: "SparkSession") -> None:
    wanted = [one("stream", source="alpha_vantage", name=name) for name in "AB"]
    days = {name: ("alpha_vantage", name, date(2026, 11, 24)) for name in "AB"}
    found = gaps(
        spark,
        wanted,
        hours("2026-11-24", "2026-11-26"),
        untimed=[days["A"]],
        days=[(*days["B"][:2], date(2026, 11, 25))],
    )
    assert [(row.instrument_id, row.width, *told([row])[0]) for row in found] == [
        ("A", "1 day", "11-25T14:30", "21:00", 1, 0, "feed_down", "open"),
        ("B", "1 day", "11-24T14:30", "21:00", 1, 0, "not_fetched", "open"),
        ("B", "1 day", "11-25T14:30", "21:00", 1, 1, "feed_down", "filled"),
    ]
