"""`tapehouse import`: files of bars that you have, into the raw bucket as a fetch would have left them."""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from producers.imports import Layout, Stamps, Told
    from producers.raw_store import RawStore

BASES = ("raw", "split_adjusted")
DATASETS = {"bars_1d": "daily bars", "bars_1m": "minute bars"}
OF_VENDORS = ("yahoo", "alpha_vantage", "yahoo_recording", "generated")
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="plain, .gz, .zip or a daily capture"
    )
    parser.add_argument("--source", required=True, metavar="NAME", help="what the source is to be called")
    parser.add_argument(
        "--dataset",
        choices=list(DATASETS),
        default="bars_1d",
        help="daily or minute bars (default: %(default)s)",
    )
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
        "split_ratio where there are such; of minutes stamp in the place of session",
    )
    parser.add_argument(
        "--labels", choices=("start", "end"), help="of minutes: a stamp names the minute's start, or its end"
    )
    parser.add_argument(
        "--time-zone", metavar="US/Eastern", help="of minutes: whose clock the stamps are, an IANA name"
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

    told, layout = _told(args), _layout(args)
    store = open_raw_store(use_running_environment())
    console = Console(stderr=True, highlight=False)
    files = track(args.files, "importing", console=console, transient=True, disable=not console.is_terminal)
    outcomes = [_import(file, layout, told, store, fetched=args.fetched_at) for file in files]
    if args.json:
        print(json.dumps(outcomes, indent=1))
    else:
        _show(outcomes, DATASETS[args.dataset])
    return 1 if any(outcome["problem"] for outcome in outcomes) else 0


def _layout(args: argparse.Namespace) -> "Layout":
    from jobs.lake.errors import UsageError
    from producers.imports import LAYOUTS, mapped

    if args.layout != "columns":
        if args.dataset != "bars_1d":
            raise UsageError(
                f"the layout {args.layout} is one of daily bars",
                found=f"--dataset {args.dataset}",
                remedy="name the columns with --columns",
            )
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
    return mapped(columns, args.dataset)


def _stamps(args: argparse.Namespace) -> "Stamps | None":
    """What is said of the stamps of minutes: all of it, and of days nothing."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from jobs.lake.errors import UsageError
    from producers.imports import Stamps

    told = {"--labels": args.labels, "--time-zone": args.time_zone}
    if args.dataset == "bars_1d":
        if given := [option for option, value in told.items() if value]:
            raise UsageError(
                "days have no stamps",
                found=" and ".join(given),
                remedy="leave it away, or write --dataset bars_1m",
            )
        return None
    if missing := [option for option, value in told.items() if not value]:
        raise UsageError(
            "what the stamps of minutes name is not said",
            found=f"no {' and no '.join(missing)}",
            remedy="write such as --labels end --time-zone US/Eastern; UTC where they are seconds since 1970",
        )
    try:
        ZoneInfo(args.time_zone)
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        raise UsageError(
            f"there is no time zone {args.time_zone}",
            found=str(error),
            remedy="write an IANA name: US/Eastern",
        ) from error
    return Stamps(args.labels, args.time_zone)


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
    return Told(
        args.source, args.basis, args.instruments == "provisional", args.symbol or MANY, _stamps(args)
    )


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


def _show(outcomes: list[dict[str, Any]], what: str) -> None:
    for outcome in outcomes:
        if outcome["problem"]:
            print(f"{outcome['file']}: {outcome['problem']}", file=sys.stderr)
    kept = [outcome for outcome in outcomes if not outcome["problem"]]
    rows = sum(outcome["rows"] for outcome in kept)
    print(f"{len(kept)} of {len(outcomes)} files are in the raw bucket, {rows:,} rows of {what}")
