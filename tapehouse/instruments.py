"""`tapehouse instruments`: who is called what at which vendor, and what of them is followed."""

import argparse
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.instruments import Instruments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on",
        type=date.fromisoformat,
        metavar="DATE",
        help="as they were called on that day (default: today)",
    )
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.instruments import read_instruments
    from tapehouse.vendors import instruments_file

    found = called(read_instruments(instruments_file()), args.on or datetime.now(UTC).date())
    if args.json:
        print(json.dumps(found, default=str, indent=1))
    else:
        show(found)
    return 0


def called(instruments: "Instruments", day: date) -> list[dict[str, Any]]:
    """The instruments that were listed on a day, as they were called then, and what of them is followed."""
    found: dict[str, dict[str, Any]] = {}
    for listing in instruments.listings:
        if listing.listed_from <= day < listing.listed_to:
            entry = found.setdefault(
                listing.instrument_id,
                {
                    "instrument_id": listing.instrument_id,
                    "symbol": listing.symbol,
                    "mic": listing.mic,
                    "currency": listing.unit,
                    "vendor_symbols": {},
                    "followed": [],
                },
            )
            entry["vendor_symbols"][listing.vendor] = listing.listed_symbol
    for one in instruments.followed:
        if one.instrument_id in found and one.begin <= day < one.end:
            found[one.instrument_id]["followed"].append(f"{one.source} {one.dataset}")
    return list(found.values())


def show(found: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "instrument",
        "symbol",
        "mic",
        "currency",
        "at the vendors",
        "followed",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for one in found:
        spelt = ", ".join(f"{vendor} {symbol}" for vendor, symbol in one["vendor_symbols"].items())
        followed = ", ".join(one["followed"]) or "-"
        table.add_row(one["instrument_id"], one["symbol"], one["mic"], one["currency"], spelt, followed)
    Console(highlight=False).print(table)
