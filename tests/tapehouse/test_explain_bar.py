"""A minute's bar from its quotes, in plain numbers: what gives what, and what is found to differ."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tapehouse.explain_bar import explain_bar

DAY = date(2023, 9, 5)
PENCE = [("GBp", "GBP", 100, date(1971, 2, 15))]


def quote(
    second: int, price: str, volume: int | None, event: str = "a", currency: str = "USD"
) -> dict[str, Any]:
    at = datetime(2023, 9, 5, 14, 30, second, tzinfo=UTC)
    known = {"event_time": at, "price": Decimal(price), "day_volume": volume, "event_id": event}
    return known | {"currency": currency, "session": DAY}


def test_each_price_is_given_by_a_quote_and_the_volume_by_all_that_rise() -> None:
    quotes = [quote(9, "9", 130), quote(1, "10", 100), quote(5, "12", 120), quote(7, "12", 110)]
    found = explain_bar(None, quotes, 90, [])
    assert [(one["price"], one["rise"], one["gives"]) for one in found["quotes"]] == [
        (Decimal(10), 10, ["open"]),
        (Decimal(12), 20, ["high"]),
        (Decimal(12), 0, []),
        (Decimal(9), 10, ["low", "close"]),
    ]
    assert found["worked_out"] == {
        "open": Decimal(10),
        "high": Decimal(12),
        "low": Decimal(9),
        "close": Decimal(9),
        "volume": 40,
        # (10 x 10 + 12 x 20 + 9 x 10) / 40
        "vwap": Decimal("10.75"),
        "quote_count": 4,
        # one of them fell
        "volume_is_complete": False,
        "day_volume_high": 130,
    }


def test_quotes_of_one_instant_are_in_the_order_of_the_design() -> None:
    quotes = [quote(1, "3", 7, "b"), quote(1, "2", 7, "a"), quote(1, "1", None, "c")]
    found = explain_bar(None, quotes, None, [])
    assert [one["price"] for one in found["quotes"]] == [1, 2, 3]
    # nothing is known before the first that is: it adds nothing
    assert (found["worked_out"]["volume"], found["worked_out"]["vwap"]) == (0, None)
    assert found["worked_out"]["volume_is_complete"] is False


def test_a_price_in_pence_is_divided_half_up() -> None:
    found = explain_bar(None, [quote(1, "265.50005", None, currency="GBp")], None, PENCE)
    assert found["worked_out"]["open"] == Decimal("2.655001")


def test_what_a_bar_has_otherwise_is_named() -> None:
    made = explain_bar(None, [quote(1, "10", 100)], 90, [])["worked_out"]
    assert explain_bar(made, [quote(1, "10", 100)], 90, [])["differs"] == []
    (told,) = explain_bar(made | {"high": Decimal(11)}, [quote(1, "10", 100)], 90, [])["differs"]
    assert told == "high is 11, its quotes make 10"
    assert "quote_count is 1, its quotes make None" in explain_bar(made, [], None, [])["differs"]
