"""The wire contract, byte for byte."""

from dataclasses import replace

import pytest

from producers.events import DayQuote, Message, Quote, can_be_spelt, encode, event_id

QUOTE = Quote("yahoo", "AAPL", 1_693_929_600_000_000, "189.54", 51_234_567, "regular", "USD")


def test_the_value_is_canonical_json_in_this_order() -> None:
    # printf 'yahoo|AAPL|1693929600000000|189.54|51234567|regular' | sha256sum
    assert encode(QUOTE, receive_time_us=1_693_929_600_250_000) == (
        b'{"schema_version":1,"event_id":"e40284a3b47434f78ba199cceca44ef9","source":"yahoo","vendor_symbol":"AAPL",'
        b'"event_time_us":1693929600000000,"price":"189.54","day_volume":51234567,"market_hours":"regular",'
        b'"currency":"USD","receive_time_us":1693929600250000}'
    )


def test_unknown_fields_are_null_in_the_value_and_empty_in_the_hash() -> None:
    bare = Quote("yahoo", "AAPL", 1, "250", None, None)
    assert b'"day_volume":null,"market_hours":null,"currency":null' in encode(bare, receive_time_us=2)
    # printf 'yahoo|AAPL|1|250||' | sha256sum
    assert event_id(bare) == "079f644b42b7646c4d96752013ad4c3d"


def test_a_quote_without_a_time_says_its_day_in_the_place_of_the_time() -> None:
    untimed = DayQuote("alpha_vantage", "IBM", "2026-11-25", "302.5", 4_120_044)
    # printf 'alpha_vantage|IBM|2026-11-25|302.5|4120044' | sha256sum
    assert (
        encode(untimed, receive_time_us=2)
        == (
            b'{"schema_version":1,"event_id":"%s","source":"alpha_vantage","vendor_symbol":"IBM",'
            b'"trading_day":"2026-11-25","price":"302.5","day_volume":4120044,"market_hours":null,"currency":null,'
            b'"receive_time_us":2}'
        )
        % b"ee89e4b984ef75062080e697959b6594"
    )
    # printf 'alpha_vantage|IBM|2026-11-25|302.5|' | sha256sum
    assert event_id(replace(untimed, day_volume=None)) == "02a835245222fe3cb834432eca548ab0"


def test_the_currency_does_not_identify_a_quote() -> None:
    assert event_id(replace(QUOTE, currency=None)) == event_id(QUOTE)


@pytest.mark.parametrize(
    "change", [{"source": "generated"}, {"vendor_symbol": "A"}, {"event_time_us": 1}, {"price": "1"},
               {"day_volume": None}, {"market_hours": "pre"}],
)  # fmt: skip
def test_what_identifies_a_quote_changes_its_id(change: dict[str, object]) -> None:
    assert event_id(replace(QUOTE, **change)) != event_id(QUOTE)  # type: ignore[arg-type]


def test_a_frame_that_was_not_decoded_goes_with_an_empty_value_and_no_key() -> None:
    message = Message("yahoo", b"\x00rubbish", None)
    assert (message.key, message.render(1)) == (None, b"")
    assert message.headers() == [
        ("source", b"yahoo"),
        ("schema_version", b"1"),
        ("vendor_frame", b"\x00rubbish"),
    ]


@pytest.mark.parametrize("text", ['A"B', "A\\B", "A\nB", "", "Ä", "A|B", "A" * 33])
def test_text_that_json_would_escape_or_the_hash_would_confuse_is_not_spelt(text: str) -> None:
    assert not can_be_spelt(text)
    assert can_be_spelt("BRK-B", "^GSPC", "EURUSD=X", None)
