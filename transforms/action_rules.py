"""The rules of quality for corporate actions, as data: what must hold of a line."""

ACTION_RULES: dict[str, str] = {
    "no_symbol": "listed_as IS NOT NULL",
    "session_not_a_date": "session IS NOT NULL",
    "unknown_kind": "kind IS NOT NULL",
    "amount_not_positive": "kind = 'split' OR coalesce(amount > 0, false)",
    "ratio_not_positive": "kind != 'split' OR coalesce(ratio > 0 AND ratio < double('Infinity'), false)",
    "unknown_instrument": "session IS NULL OR listed_as IS NULL OR instrument_id IS NOT NULL",
}

ACTION_FLAGS: dict[str, str] = {
    "conflicting_rows": "NOT conflicting",
    "basis_unknown": "split_factor IS NOT NULL",
    # such a split changes nothing
    "ratio_of_one": "coalesce(ratio != 1, true)",
}
