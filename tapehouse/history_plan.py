"""What a run of `tapehouse history` asks for: nothing twice that is there already, but what may have been corrected."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from producers.raw_store import Kept, Range

# a vendor corrects the last days: they are read again by every run
CORRECTED_SESSIONS = 5


def still_wanted(
    asked: Range, kept: Iterable[Kept], *, sessions: Sequence[date], split_after: date | None, refresh: bool
) -> Range | None:
    """The part of a range that is fetched now; None if it is empty.

    `sessions` are the days of the instrument's exchange until today. A split after the newest fetch rewrites all that
    a split-adjusted source has told before it: `split_after` is the newest split's day.
    """
    pairs = list(kept)
    newest = max((pair.fetched_at.date() for pair in pairs), default=None)
    if refresh or newest is None or (split_after is not None and split_after >= newest):
        return asked
    again = _first_to_read_again(sessions)
    begin = max(asked.begin, min(_covered_until(asked.begin, pairs), again))
    if begin >= asked.end:
        return None
    return Range(asked.source, asked.dataset, asked.vendor_symbol, begin, asked.end)


def _covered_until(begin: date, pairs: Iterable[Kept]) -> date:
    """The first day from `begin` on that no pair holds; a pair holds no day that had not begun when it was fetched."""
    reached = begin
    for pair in sorted(pairs, key=lambda pair: pair.begin):
        if pair.begin <= reached:
            reached = max(reached, min(pair.end, pair.fetched_at.date()))
    return reached


def _first_to_read_again(sessions: Sequence[date]) -> date:
    newest = list(sessions)[-CORRECTED_SESSIONS:]
    return newest[0] if newest else date.min + timedelta(days=1)
