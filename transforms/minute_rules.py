"""The rules of quality for vendors' minute bars, as data; what holds of any bar is taken from those of daily bars.

A REJECT rule uses the line, its object and the instruments. A FLAG rule leaves the bar in silver, with the rule's name.
"""

from transforms import daily_rules

OF_NUMBERS = ("price_negative", "price_too_large", "volume_not_whole")
OF_ANY_BAR = ("conflicting_rows", "basis_unknown", "high_below_low", "outside_high_and_low", "price_zero")

# a line that breaks it has no fields to judge
SHAPE_RULES: dict[str, str] = {"wrong_field_count": daily_rules.SHAPE_RULES["wrong_field_count"]}

TEXT_RULES: dict[str, str] = {
    "no_symbol": daily_rules.TEXT_RULES["no_symbol"],
    # whether a stamp names the start of its minute or the end cannot be guessed
    "label_unknown": "labels IN ('start', 'end')",
    "stamp_not_a_time": "instant IS NOT NULL",
    # of local time: the hour that is left out in spring, and the one that is there twice in autumn
    "stamp_does_not_exist": "instant IS NULL OR is_an_hour",
    "stamp_ambiguous": "instant IS NULL OR is_one_hour",
    "stamp_within_minute": "instant IS NULL OR instant = date_trunc('minute', instant)",
    # without a number there was no trade in the minute
    "price_not_a_number": "is_none OR are_numbers",
    **{name: daily_rules.TEXT_RULES[name] for name in OF_NUMBERS},
    # nor is one told that was still going on
    "future": "stamp IS NULL OR stamp + INTERVAL 1 MINUTE <= fetched_at",
}

# of a line whose text is right
INSTRUMENT_RULES: dict[str, str] = daily_rules.INSTRUMENT_RULES

FLAG_RULES: dict[str, str] = {
    # of a venue that is not known nothing is said
    "outside_session": "is_session IS NULL "
    "OR (is_session AND bar_start >= first_quote AND bar_start < last_quote)",
    **{name: daily_rules.FLAG_RULES[name] for name in OF_ANY_BAR},
}
