"""The generated session, what disturbs it, and the pace at which it is sent."""

import random
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from producers.disturbances import Disturbances, disturb
from producers.errors import ProducerError, RecordingError
from producers.malformed import KINDS
from producers.recording import read_recording
from producers.replay import FLAT_OUT, replay, speed_for
from producers.tape import Delivery, generate, last_session

SESSION, BEFORE = date(2026, 11, 20), date(2026, 11, 19)
TAPE = generate(SESSION, before=BEFORE, seed=1)
QUOTES = [delivery.message.quote for delivery in TAPE if delivery.message.quote]
HEADER = '"timestamp","id","price","marketHours","dayVolume"'
LINE = '"2023-09-05T16:00:00.000000Z","TSLA",252.785003662109,1,6.8581834E7'


def test_an_hour_has_about_as_many_quotes_as_a_recorded_one() -> None:
    # 14,842 in the recorded hour of 2023-09-05
    assert 14_000 < len(TAPE) < 15_700
    assert {quote.source for quote in QUOTES} == {"generated"}
    assert len({quote.vendor_symbol for quote in QUOTES}) == 9


def test_the_same_seed_gives_the_same_tape_and_another_seed_another() -> None:
    assert generate(SESSION, before=BEFORE, seed=1) == TAPE
    assert generate(SESSION, before=BEFORE, seed=2) != TAPE


def test_a_symbol_has_at_most_one_quote_a_second_on_whole_seconds() -> None:
    times = Counter((quote.vendor_symbol, quote.event_time_us) for quote in QUOTES)
    assert max(times.values()) == 1
    assert all(quote.event_time_us % 1_000_000 == 0 for quote in QUOTES)


def test_many_prices_are_off_the_cent() -> None:
    decimals = Counter(len(quote.price.partition(".")[2]) for quote in QUOTES)
    assert decimals[3] + decimals[4] > len(QUOTES) // 4
    assert decimals[2] > len(QUOTES) // 4


def test_one_frame_has_no_day_volume_and_the_first_of_two_symbols_are_of_the_session_before() -> None:
    assert sum(quote.day_volume is None for quote in QUOTES) == 1
    days = Counter(datetime.fromtimestamp(quote.event_time_us / 1e6, UTC).date() for quote in QUOTES)
    assert days == {SESSION: len(QUOTES) - 2, BEFORE: 2}
    assert {quote.event_time_us > QUOTES[10].event_time_us for quote in QUOTES[:2]} == {False}


@pytest.mark.parametrize(
    ("now", "sessions"),
    [
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), (date(2026, 11, 23), date(2026, 11, 20))),
        # the day after Thanksgiving closes at 13:00 in New York
        (datetime(2026, 11, 27, 18, 30, tzinfo=UTC), (date(2026, 11, 27), date(2026, 11, 25))),
    ],
)  # fmt: skip
def test_the_last_completed_session_is_the_calendars(now: datetime, sessions: tuple[date, date]) -> None:
    assert last_session(now) == sessions


def test_an_unknown_symbol_is_named() -> None:
    with pytest.raises(ProducerError, match="no symbol NOSUCH"):
        generate(SESSION, before=BEFORE, seed=1, symbols=["AAPL", "NOSUCH"])


def test_disturbances_lose_and_change_no_quote() -> None:
    how = Disturbances(duplicates=0.05, malformed=0.02, late=0.05, late_minutes=10, shuffle_minutes=10)
    disturbed = disturb(TAPE, how, seed=7, now_us=QUOTES[-1].event_time_us)
    good = Counter(id(d.message) for d in disturbed if d.kind == "quote")
    assert good == Counter(id(d.message) for d in TAPE)
    added = Counter(d.kind for d in disturbed)
    assert 0.04 < added["duplicate"] / len(TAPE) < 0.06
    assert 0.015 < added["malformed"] / len(TAPE) < 0.025
    assert [d.at_us for d in disturbed] == sorted(d.at_us for d in disturbed)
    assert disturbed == disturb(TAPE, how, seed=7, now_us=QUOTES[-1].event_time_us)


def test_nothing_is_earlier_than_it_was_and_lateness_has_its_limit() -> None:
    was = {id(d.message): d.at_us for d in TAPE}
    moved = [
        (d.at_us - was[id(d.message)]) / 60e6
        for d in disturb(TAPE, Disturbances(late=0.5, late_minutes=3), seed=1, now_us=0)
    ]
    assert min(moved) == 0
    assert 2.9 < max(moved) <= 3


def test_a_malformed_message_is_never_accidentally_good() -> None:
    quote = QUOTES[5]
    values = [kind.make(quote, quote.event_time_us, random.Random(1)) for kind in KINDS]
    good = TAPE[5].message.render(quote.event_time_us)
    assert good not in values
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_replay_keeps_the_tapes_pace_and_order() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    tape = [TAPE[0]._replace(at_us=second * 1_000_000) for second in (0, 10, 10, 30)]
    assert list(replay(tape, speed=10, clock=lambda: now[0], sleep=sleep)) == tape
    assert [round(seconds, 6) for seconds in slept] == [1, 2]
    assert speed_for(tape, in_seconds=3) == 10
    slept.clear()
    assert len(list(replay(tape, speed=FLAT_OUT, clock=lambda: now[0], sleep=sleep))) == 4
    assert slept == []


def test_a_recordings_frame_is_its_line_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "frames.csv"
    file.write_text(f"{HEADER}\n{LINE}\n")
    (delivery,) = read_recording(file)
    assert delivery.message.frame == LINE.encode()
    quote = delivery.message.quote
    assert quote is not None
    assert (quote.source, quote.price, quote.day_volume) == ("yahoo_recording", "252.785", 68_581_834)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "rubbish",
        LINE.replace("252.785003662109", "many"),
        LINE.replace("2023-09-05T16", "yesterday"),
        LINE + ",1,2",
    ],
)
def test_a_line_that_cannot_be_read_is_sent_undecoded(tmp_path: Path, line: str) -> None:
    file = tmp_path / "frames.csv"
    file.write_text(f"{HEADER}\n{LINE}\n{line}\n")
    kinds = [(delivery.kind, delivery.message.frame) for delivery in read_recording(file)]
    assert kinds == [("quote", LINE.encode()), ("malformed", line.encode())]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "an empty file"),
        ("a,b,c\n1,2,3\n", "no column timestamp"),
        (HEADER, "holds no frame"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_recording_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "frames.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RecordingError, match=message):
        read_recording(file)


def test_the_recorded_hour_has_its_frames(recorded_hour: Path) -> None:
    tape: list[Delivery] = read_recording(recorded_hour)
    assert len(tape) == 14_842
    assert {delivery.kind for delivery in tape} == {"quote"}
