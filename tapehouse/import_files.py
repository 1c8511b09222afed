"""`tapehouse import`: files of daily bars that you have, into the raw bucket as a fetch would have left them."""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from producers.imports import Layout, Told
    from producers.raw_store import RawStore

BASES = ("raw", "split_adjusted")
OF_VENDORS = ("yahoo", "alpha_vantage", "yahoo_recording", "generated")
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="plain, .gz, .zip or a daily capture"
    )
    parser.add_argument("--source", required=True, metavar="NAME", help="what the source is to be called")
    parser.add_argument(
        "--basis", required=True, choices=BASES, help="whether prices are as traded, or adjusted for splits"
    )
    parser.add_argument(
        "--fetched-at",
        required=True,
        metavar="TIME",
        help="when the files were fetched: 2017-01-03T22:00Z, or 22:00Z on the date in each file's name",
    )
    parser.add_argument(
        "--layout", choices=("pystock", "wiki", "columns"), default="columns", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--columns",
        metavar="symbol=Ticker,session=Date,...",
        help="which column tells what: symbol, session, open, high, low, close, volume, and adj_close, dividend, "
        "split_ratio where there are such",
    )
    parser.add_argument("--symbol", metavar="AAPL", help="whose bars these are, where no column says it")
    parser.add_argument(
        "--instruments",
        choices=("known", "provisional"),
        default="known",
        help="give symbols that conf/instruments.yaml does not know the id NAME:SYMBOL (default: reject them)",
    )
    parser.add_argument("--json", action="store_true", help="what became of each file as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if a file could not be imported; the others are."""
    from rich.console import Console
    from rich.progress import track

    from tapehouse.context import use_running_environment
    from tapehouse.vendors import open_raw_store

    layout, told = _layout(args), _told(args)
    store = open_raw_store(use_running_environment())
    console = Console(stderr=True, highlight=False)
    files = track(args.files, "importing", console=console, transient=True, disable=not console.is_terminal)
    outcomes = [_import(file, layout, told, store, fetched=args.fetched_at) for file in files]
    if args.json:
        print(json.dumps(outcomes, indent=1))
    else:
        _show(outcomes)
    return 1 if any(outcome["problem"] for outcome in outcomes) else 0


def _layout(args: argparse.Namespace) -> "Layout":
    from jobs.lake.errors import UsageError
    from producers.imports import LAYOUTS, mapped

    if args.layout != "columns":
        return LAYOUTS[args.layout]
    pairs = [pair.partition("=") for pair in (args.columns or "").split(",") if pair]
    columns = {field.strip(): name for field, _, name in pairs}
    if "symbol" in columns and args.symbol:
        raise UsageError(
            "the symbol is named twice",
            found=f"--symbol {args.symbol}, and the column {columns['symbol']}",
            remedy="leave one of them away",
        )
    if "symbol" not in columns and not args.symbol:
        raise UsageError(
            "nothing says whose bars these are", remedy="write --symbol AAPL, or symbol=COLUMN in --columns"
        )
    return mapped(columns)


def _told(args: argparse.Namespace) -> "Told":
    from jobs.lake.errors import UsageError
    from producers.imports import Told
    from producers.raw_store import MANY

    if args.source in OF_VENDORS or not NAME.fullmatch(args.source):
        raise UsageError(
            f"a source of files cannot be called {args.source}",
            found="a vendor's name" if args.source in OF_VENDORS else "no name",
            remedy="write small letters, digits and _, other than " + ", ".join(OF_VENDORS),
        )
    return Told(args.source, args.basis, args.instruments == "provisional", args.symbol or MANY)


def _import(file: Path, layout: "Layout", told: "Told", store: "RawStore", *, fetched: str) -> dict[str, Any]:
    """What became of one file. The same file, fetched at the same time, is the same object."""
    from producers.errors import ProducerError
    from producers.imports import fetched_at, read_file

    try:
        asked, pair = read_file(file, layout, told, at=fetched_at(fetched, file))
        digest = hashlib.sha256(pair.body).hexdigest()[:12]
        sidecar = store.keep(asked, pair, request_id=f"import-{digest}", instrument_id=None)
    except ProducerError as error:
        return {"file": str(file), "rows": 0, "sidecar": "", "problem": f"{error.what} ({error.found})"}
    return {"file": str(file), "rows": pair.rows, "sidecar": sidecar, "problem": ""}


def _show(outcomes: list[dict[str, Any]]) -> None:
    for outcome in outcomes:
        if outcome["problem"]:
            print(f"{outcome['file']}: {outcome['problem']}", file=sys.stderr)
    kept = [outcome for outcome in outcomes if not outcome["problem"]]
    rows = sum(outcome["rows"] for outcome in kept)
    print(f"{len(kept)} of {len(outcomes)} files are in the raw bucket, {rows:,} rows of daily bars")
