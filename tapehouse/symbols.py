"""Symbols as people write them: any vendor's spelling, resolved to an instrument and to one vendor's own spelling."""

import difflib
from collections.abc import Iterable, Sequence
from datetime import date

from jobs.lake.errors import UsageError
from jobs.lake.instruments import Listing


def spell(wanted: Sequence[str], listings: Iterable[Listing], *, vendor: str, day: date) -> list[Listing]:
    """The listings of `vendor` on `day` that the symbols mean, each instrument once, in the order of the symbols.

    A symbol may be canonical or any vendor's, of any time: FB means the instrument that is META today.
    """
    known = list(listings)
    found: dict[str, Listing] = {}
    for symbol, instrument in zip(wanted, identify(wanted, known, day=day), strict=True):
        today = [
            listing
            for listing in known
            if listing.vendor == vendor
            and listing.instrument_id == instrument
            and listing.listed_from <= day < listing.listed_to
        ]
        if not today:
            raise UsageError(
                f"{symbol} has no symbol at {vendor} on {day}",
                found=f"the instrument {instrument}",
                remedy="see its listings in conf/instruments.yaml",
            )
        found.setdefault(instrument, today[0])
    return list(found.values())


def identify(wanted: Sequence[str], listings: Sequence[Listing], *, day: date) -> list[str]:
    """The instruments that the symbols mean, listed on `day` or not, in the order of the symbols."""
    meant: dict[str, set[str]] = {}
    for listing in listings:
        for spelling in (listing.symbol, listing.listed_symbol):
            meant.setdefault(spelling.upper(), set()).add(listing.instrument_id)
    return [_only(symbol, meant.get(symbol.upper(), set()), listings, day, list(meant)) for symbol in wanted]


def _only(
    symbol: str, instruments: set[str], known: Sequence[Listing], day: date, spellings: Sequence[str]
) -> str:
    """The one instrument of a symbol; of several the one that bears it on `day`."""
    if len(instruments) > 1:
        instruments = {
            listing.instrument_id
            for listing in known
            if symbol.upper() in (listing.symbol.upper(), listing.listed_symbol.upper())
            and listing.listed_from <= day < listing.listed_to
        }
    if len(instruments) == 1:
        return next(iter(instruments))
    if instruments:
        raise UsageError(
            f"{symbol} means several instruments on {day}",
            found=", ".join(sorted(instruments)),
            remedy="write a spelling that only one of them has",
        )
    near = difflib.get_close_matches(symbol.upper(), spellings, n=3, cutoff=0.5)
    raise UsageError(
        f"no instrument is called {symbol}",
        found=f"near it: {', '.join(near)}" if near else "nothing near it",
        remedy="write one of these, or add the instrument to conf/instruments.yaml",
    )
