"""`conf/instruments.yaml`: the instruments, what each was called when, and the units that prices come in."""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from jobs.lake.errors import InstrumentsError

NEVER = date(9999, 12, 31)


class Listing(NamedTuple):
    """A vendor's spelling of an instrument over a span of local dates, [listed_from, listed_to)."""

    vendor: str
    listed_symbol: str
    instrument_id: str
    symbol: str
    mic: str
    calendar: str
    tz: str
    unit: str
    listed_from: date
    listed_to: date


@dataclass(frozen=True)
class Instruments:
    """The listings without their time zones, and the units: (unit, major, factor, valid_from)."""

    listings: list[Listing]
    units: list[tuple[str, str, int, date]]

    @property
    def calendars(self) -> list[str]:
        return sorted({listing.calendar for listing in self.listings})


def read_instruments(path: Path) -> Instruments:
    """Read and check the file; an error names the file, the instrument and the field."""
    from jobs.lake.sessions import time_zone

    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InstrumentsError(
            f"{path} cannot be read", found=str(error), remedy="see conf/instruments.yaml"
        ) from error
    if not isinstance(document, dict) or document.get("version") != 1:
        raise InstrumentsError(
            f"{path} is not an instruments file", found=repr(document)[:80], remedy="write `version: 1`"
        )
    try:
        listings = [
            listing
            for entry in document.get("instruments") or []
            for listing in _listings(path, entry, time_zone)
        ]
        units = [_unit(path, entry) for entry in document.get("currencies") or []]
    except (AttributeError, TypeError, ValueError) as error:
        raise InstrumentsError(
            f"{path} is not understood",
            found=str(error),
            remedy="write it as conf/instruments.yaml of the project is written",
        ) from error
    _refuse_overlaps(path, listings)
    return Instruments(listings, units)


def _unit(path: Path, entry: Any) -> tuple[str, str, int, date]:
    try:
        return (
            str(entry["unit"]),
            str(entry["major"]),
            int(entry["factor"]),
            _date(path, "a currency", entry["from"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InstrumentsError(
            f"a currency of {path} is not understood",
            found=f"{entry!r:.80}: {error!r}",
            remedy="write unit, major, factor and from",
        ) from error


def _listings(path: Path, entry: dict[str, Any], time_zone: Any) -> list[Listing]:
    name = entry.get("instrument_id") if isinstance(entry, dict) else None
    if not name:
        raise InstrumentsError(
            f"an instrument of {path} has no instrument_id", found=repr(entry)[:80], remedy="add it"
        )
    found = []
    for span in entry.get("listings") or []:
        missing = [key for key in ("symbol", "mic", "currency", "from", "vendor_symbols") if key not in span]
        if missing:
            raise InstrumentsError(
                f"{name} in {path}: a listing lacks {', '.join(missing)}",
                found=repr(span)[:120],
                remedy="add them",
            )
        calendar = str(span.get("calendar", span["mic"]))
        for vendor, spelling in span["vendor_symbols"].items():
            identity = (
                str(vendor),
                str(spelling),
                str(name),
                str(span["symbol"]),
                str(span["mic"]),
                calendar,
            )
            dates = (_date(path, name, span["from"]), _date(path, name, span.get("to", NEVER)))
            found.append(Listing(*identity, time_zone(calendar), str(span["currency"]), *dates))
    return found


def _date(path: Path, name: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise InstrumentsError(
        f"{name} in {path}: not a date", found=repr(value), remedy="write it as 2022-06-09"
    )


def _refuse_overlaps(path: Path, listings: list[Listing]) -> None:
    by_symbol: dict[tuple[str, str], list[Listing]] = defaultdict(list)
    for listing in listings:
        by_symbol[listing.vendor, listing.listed_symbol].append(listing)
    for (vendor, symbol), spans in by_symbol.items():
        spans.sort(key=lambda span: span.listed_from)
        for before, after in itertools.pairwise(spans):
            if after.listed_from < before.listed_to:
                raise InstrumentsError(
                    f"{vendor}'s symbol {symbol} means two instruments at once in {path}",
                    found=f"{before.instrument_id} to {before.listed_to}, "
                    f"{after.instrument_id} from {after.listed_from}",
                    remedy="end the first listing with `to:`",
                )
