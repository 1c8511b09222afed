"""What a run of `tapehouse history` asks for: nothing twice that is there already, but what may have been corrected."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from producers.raw_store import Kept, Range

# a vendor corrects the last days: they are read again by every run
CORRECTED_SESSIONS = 5


def still_wanted(
    asked: Range, kept: Iterable[Kept], *, sessions: Sequence[date], split_after: date | None, refresh: bool
) -> Range | None:
    """The part of a range that is fetched now; None if it is empty.

    `sessions` are the days of the instrument's exchange until today. A split rewrites all that a split-adjusted source
    has told until then: what was fetched up to `split_after`, the newest split's day, does not count.
    """
    zone = ZoneInfo(asked.zone)
    pairs = [
        pair for pair in kept if split_after is None or pair.fetched_at.astimezone(zone).date() > split_after
    ]
    if refresh or not pairs:
        return asked
    covered = _covered_until(asked.begin, pairs, zone)
    begin = max(asked.begin, min(covered, _first_to_read_again(sessions)))
    return replace(asked, begin=begin) if begin < asked.end else None


def _covered_until(begin: date, pairs: Iterable[Kept], zone: ZoneInfo) -> date:
    """The first day from `begin` on that no pair holds; a pair holds no day that was not over when it was fetched."""
    reached = begin
    for pair in sorted(pairs, key=lambda pair: pair.begin):
        if pair.begin <= reached:
            reached = max(reached, min(pair.end, pair.fetched_at.astimezone(zone).date()))
    return reached


def _first_to_read_again(sessions: Sequence[date]) -> date:
    newest = list(sessions)[-CORRECTED_SESSIONS:]
    return newest[0] if newest else date.min + timedelta(days=1)
