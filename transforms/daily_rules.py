"""The rules of quality for daily bars of history, as data: each says what must hold of a line, as text and as read.

A REJECT rule uses the line, its object and the instruments. A FLAG rule leaves the bar in silver, with the rule's name.
"""

from transforms.history import PRICES

# the four prices, one after the other
NUMBERS = r"^(-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)? ){3}-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?\\z"
WHOLE = r"^[0-9]+(\\.0*)?\\z"


def _all_prices(holds: str) -> str:
    """That something holds of each price; `$` stands for its name."""
    return " AND ".join(f"({holds.replace('$', name)})" for name in PRICES)


def _none_or_positive(text: str) -> str:
    return f"{text} IS NULL OR coalesce(try_cast({text} AS DECIMAL(28, 12)) >= 0, false)"


ARE_NUMBERS = f"concat_ws(' ', {', '.join(f'{name}_text' for name in PRICES)}) rlike '{NUMBERS}'"

# a line that breaks one of these has no fields to judge: only the first that is broken is reported
SHAPE_RULES: dict[str, str] = {
    "wrong_field_count": "size(parts) = size(split(header, ','))",
    # of a day without trades some vendors send a line without numbers
    "no_prices": f"NOT ({_all_prices('$_text IS NULL')})",
}

TEXT_RULES: dict[str, str] = {
    "no_symbol": "listed_as IS NOT NULL",
    "session_not_a_date": "session IS NOT NULL",
    "price_not_a_number": "are_numbers",
    "price_negative": _all_prices("coalesce($_text NOT LIKE '-%', true)"),
    "price_too_large": f"NOT are_numbers OR ({_all_prices('$ IS NOT NULL')})",
    "volume_not_whole": f"volume_text IS NULL OR (volume_text rlike '{WHOLE}' AND volume IS NOT NULL)",
    "future": "session IS NULL OR session <= fetched_day",
    # 0 says that there was none, as 1 does
    "split_ratio_negative": _none_or_positive("split_ratio_text"),
    "dividend_negative": _none_or_positive("dividend_text"),
}

# of a line whose text is right
INSTRUMENT_RULES: dict[str, str] = {"unknown_instrument": "instrument_id IS NOT NULL"}

FLAG_RULES: dict[str, str] = {
    # of a venue that is not known nothing is said
    "closed_day": "coalesce(is_session, true)",
    "conflicting_rows": "NOT conflicting",
    "basis_unknown": "split_factor IS NOT NULL",
    "high_below_low": "high >= low",
    "outside_high_and_low": "high < low OR (open BETWEEN low AND high AND close BETWEEN low AND high)",
    "price_zero": "least(open, high, low, close) > 0",
    # told once of one thing and once of another, or of both in turn
    "identity_clash": "NOT coalesce(told_apart OR (told_higher AND told_lower), false)",
}
