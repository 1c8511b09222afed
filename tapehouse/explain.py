"""`tapehouse explain`: where a number comes from, of a day or of a minute, down to the vendor's bytes."""

import argparse
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.explain_lake import Lake

NOTHING = 42
OF_MINUTE, OF_DAY = ("gold.bars_1m", "silver.quotes"), ("gold.bars_1d", "silver.bars_1d", "bronze.history")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "symbol", help="as it was called then, AAPL; or an instrument's id, us-apple, pystock:AA"
    )
    parser.add_argument(
        "when", metavar="DAY|MINUTE", help="2014-06-09 for the daily bar, 2023-09-05T15:30Z for the minute's"
    )
    parser.add_argument("--source", metavar="NAME", help="only what this source told")
    parser.add_argument(
        "--frames", action="store_true", help="the vendor's frame of each quote of a minute, base64"
    )
    parser.add_argument("--json", action="store_true", help="all of it as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 where it is told and what stands there is what was loaded, 1 where not, 42 where there is no bar."""
    from tapehouse.context import use_running_environment
    from tapehouse.explain_lake import Lake, text
    from tapehouse.explain_names import read_when
    from tapehouse.explain_text import show

    when = read_when(args.when, now=datetime.now(UTC))
    settings = use_running_environment()
    tree = explain(settings, Lake(settings), args, when)
    if args.json:
        print(json.dumps(tree, default=text, indent=1))
    else:
        show(tree, frames=args.frames)
    return 1 if tree["problems"] else NOTHING if "nothing" in tree else 0


def explain(
    settings: "Settings", lake: "Lake", args: argparse.Namespace, when: date | datetime
) -> dict[str, Any]:
    """The whole tree; it has `nothing` where there is no bar."""
    from jobs.lake.instruments import read_instruments
    from tapehouse import explain_nothing
    from tapehouse.explain_day import explain_day
    from tapehouse.explain_minute import explain_minute
    from tapehouse.explain_names import find_instrument
    from tapehouse.explain_raw import RawObjects
    from tapehouse.vendors import open_raw_store

    is_minute = isinstance(when, datetime)
    instruments = read_instruments(settings.instruments)
    day = when.date() if isinstance(when, datetime) else when
    meant = find_instrument(args.symbol, instruments, lake, day=day)
    _refuse_empty_lake(lake, is_minute=is_minute)
    tree: dict[str, Any] = {
        "instrument_id": meant.instrument_id,
        "symbol": meant.symbol,
        "minute" if is_minute else "session": when,
        "source": args.source,
    }
    how: dict[str, Any] = {"units": instruments.units, "source": args.source}
    if isinstance(when, datetime):
        tree |= explain_minute(lake, meant, when, **how, frames=args.frames or args.json)
        if not any(one["bar"] for one in tree["sources"]):
            tree["nothing"] = explain_nothing.of_minute(lake, meant, when)
        return tree
    tree |= explain_day(lake, RawObjects(open_raw_store(settings), lake), meant, when, **how)
    if tree["served"] is None or not tree["versions"]:
        tree["nothing"] = explain_nothing.of_day(
            lake, meant, when, source=args.source, told_by=tree["told_by"]
        )
    return tree


def _refuse_empty_lake(lake: "Lake", *, is_minute: bool) -> None:
    from jobs.lake.errors import NoDataError

    tables = OF_MINUTE if is_minute else OF_DAY
    if not any(lake.has(table) for table in tables):
        load = "load history: spark-submit jobs/load_history.py"
        raise NoDataError(
            f"there is nothing to explain a {'minute' if is_minute else 'day'} by",
            found=f"none of {', '.join(tables)}",
            remedy="start the stream, or `make demo`" if is_minute else load,
        )
