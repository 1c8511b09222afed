"""`conf/instruments.yaml`: the instruments, what each was called when, and the units that prices come in."""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from jobs.lake.arguments import FOLLOWED_DATASETS, FOLLOWED_SOURCES
from jobs.lake.errors import InstrumentsError
from jobs.lake.yaml_lines import Entry, read_yaml

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


class Followed(NamedTuple):
    """What is followed of an instrument: a dataset of a source over [begin, end)."""

    instrument_id: str
    source: str
    dataset: str
    begin: date
    end: date


@dataclass(frozen=True)
class Instruments:
    """The listings without their time zones, the units (unit, major, factor, valid_from), and what is followed."""

    listings: list[Listing]
    units: list[tuple[str, str, int, date]]
    followed: list[Followed]

    @property
    def calendars(self) -> list[str]:
        return sorted({listing.calendar for listing in self.listings})


def read_instruments(path: Path) -> Instruments:
    """Read and check the file; an error names the file, the instrument and the field."""
    from jobs.lake.sessions import time_zone

    try:
        document = read_yaml(path)
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
        followed = [one for entry in document.get("instruments") or [] for one in _followed(path, entry)]
    except (AttributeError, TypeError, ValueError) as error:
        raise InstrumentsError(
            f"{path} is not understood",
            found=str(error),
            remedy="write it as conf/instruments.yaml of the project is written",
        ) from error
    _refuse_overlaps(path, listings)
    return Instruments(listings, units, followed)


def _unit(path: Path, entry: Any) -> tuple[str, str, int, date]:
    try:
        return (
            str(entry["unit"]),
            str(entry["major"]),
            int(entry["factor"]),
            _date(_place(path, entry), "a currency", entry["from"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InstrumentsError(
            f"a currency of {_place(path, entry)} is not understood",
            found=f"{entry!r:.80}: {error!r}",
            remedy="write unit, major, factor and from",
        ) from error


def _listings(path: Path, entry: dict[str, Any], time_zone: Any) -> list[Listing]:
    name = entry.get("instrument_id") if isinstance(entry, dict) else None
    if not name:
        raise InstrumentsError(
            f"an instrument of {_place(path, entry)} has no instrument_id",
            found=repr(entry)[:80],
            remedy="add it",
        )
    found = []
    for span in entry.get("listings") or []:
        missing = [key for key in ("symbol", "mic", "currency", "from", "vendor_symbols") if key not in span]
        if missing:
            raise InstrumentsError(
                f"{name} in {_place(path, span)}: a listing lacks {', '.join(missing)}",
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
            place = _place(path, span)
            dates = (_date(place, name, span["from"]), _date(place, name, span.get("to", NEVER)))
            found.append(Listing(*identity, time_zone(calendar), str(span["currency"]), *dates))
    return found


def _followed(path: Path, entry: Any) -> list[Followed]:
    name, found = str(entry["instrument_id"]), []
    for one in entry.get("follow") or []:
        place = _place(path, one)
        missing = [key for key in ("source", "dataset", "from") if key not in one]
        known = one.get("source") in FOLLOWED_SOURCES and one.get("dataset") in FOLLOWED_DATASETS
        if missing or not known:
            raise InstrumentsError(
                f"{name} in {place}: what is followed is not understood",
                found=f"no {', '.join(missing)}" if missing else f"{one['source']} {one['dataset']}",
                remedy=f"write source ({', '.join(FOLLOWED_SOURCES)}), dataset ({', '.join(FOLLOWED_DATASETS)}), from",
            )
        dates = (_date(place, name, one["from"]), _date(place, name, one.get("to", NEVER)))
        found.append(Followed(name, str(one["source"]), str(one["dataset"]), *dates))
    return found


def _place(path: Path, entry: Any) -> str:
    """The file, and the line where it is known."""
    return f"{path}:{entry.line}" if isinstance(entry, Entry) else str(path)


def _date(place: str, name: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise InstrumentsError(
        f"{name} in {place}: not a date", found=repr(value), remedy="write it as 2022-06-09"
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
