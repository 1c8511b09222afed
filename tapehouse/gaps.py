"""`tapehouse gaps`: what is missing of what is followed and why, and with --fill bounded fetches of it."""

import argparse
import json
from collections import Counter
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.lake.arguments import at_least_one, symbols

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from jobs.lake.work_list import OpenWork
    from tapehouse.fill import Filled

COLUMNS = "source, instrument_id, dataset, width, session, gap_start, gap_end, units, filled, cause, state"
NOT_WANTED = "not_wanted"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    day = date.fromisoformat
    parser.add_argument("--from", dest="first", type=day, metavar="DATE", help="first session (default: all)")
    parser.add_argument(
        "--to", dest="last", type=day, metavar="DATE", help="end of the sessions, not included"
    )
    parser.add_argument(
        "--symbols", type=symbols, metavar="AAPL,BRK-B", help="of these only, in any spelling"
    )
    parser.add_argument(
        "--all", action="store_true", help="also minutes without a trade, of streams that were alive"
    )
    parser.add_argument(
        "--fill", action="store_true", help="ask the vendors for what is open, within their budget for fills"
    )
    parser.add_argument(
        "--max",
        dest="most",
        type=at_least_one,
        default=10,
        metavar="N",
        help="with --fill: answers of bars that are asked for at most (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="the same as JSON, with all gaps")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if a fill could not ask for all that it wanted."""
    from jobs.lake.arguments import refuse_empty_range
    from jobs.lake.work_list import FETCH, WorkList
    from tapehouse.context import use_running_environment

    if args.first and args.last:
        refuse_empty_range(args.first, args.last)
    settings = use_running_environment()
    wanted = _instruments(args.symbols, settings)
    if args.fill:
        return _fill(args, settings, wanted)
    found = _read(settings, args.first, args.last, wanted)
    with closing(WorkList(settings)) as work:
        tried = {_key(one): one for one in work.not_done(FETCH)}
        counts = work.counts()
    for gap in found:
        one = tried.get((gap["source"], gap["instrument_id"], _asked_as(gap), gap["session"]))
        is_given_up = one is not None and one.state == "given_up" and gap["state"] == "open"
        gap |= {"tries": one.tries if one else 0, "given_up": is_given_up}
    if args.json:
        print(json.dumps({"gaps": found, "work": counts}, default=str, indent=1))
    else:
        _show(found, counts, everything=args.all)
    return 0


def _instruments(wanted: list[str] | None, settings: "Settings") -> set[str] | None:
    from jobs.lake.instruments import read_instruments
    from tapehouse.followed import today
    from tapehouse.symbols import identify

    if wanted is None:
        return None
    return set(identify(wanted, read_instruments(settings.instruments).listings, day=today()))


def _read(
    settings: "Settings", first: date | None, last: date | None, wanted: set[str] | None
) -> list[dict[str, Any]]:
    from jobs.lake.errors import NoDataError
    from tapehouse.delta import connect, open_table

    try:
        opened = open_table("gold.gaps", settings)
    except NoDataError as error:
        raise NoDataError(
            "what is missing was not looked for yet",
            found=error.found,
            remedy="tapehouse batch --session DAY, or spark-submit jobs/check_completeness.py --from DAY --to DAY",
        ) from error
    connection = connect()
    connection.register("gaps", opened.to_pyarrow_dataset())
    names = COLUMNS.split(", ")
    rows = connection.execute(
        f"""SELECT {COLUMNS} FROM gaps WHERE session >= ? AND session < ? AND (? OR instrument_id IN (SELECT unnest(?)))
        ORDER BY session, source, instrument_id, dataset, gap_start""",
        [first or date.min, last or date.max, wanted is None, sorted(wanted or [])],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _asked_as(gap: dict[str, Any]) -> str:
    """The dataset that a vendor is asked for to fill it."""
    return "1d" if gap["width"] == "1 day" else "1m"


def _key(one: "OpenWork") -> tuple[str, str, str, date]:
    return one.work.source, one.work.instrument_id, one.work.dataset, one.work.session


def _show(found: list[dict[str, Any]], counts: dict[str, dict[str, int]], *, everything: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(
        *[
            "source",
            "instrument",
            "dataset",
            "session",
            "missing (UTC)",
            "units",
            "filled",
            "cause",
            "state",
            "tries",
        ],
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    shown = [gap for gap in found if everything or gap["state"] != NOT_WANTED]
    for gap in shown:
        span = f"{gap['gap_start']:%H:%M} to {gap['gap_end']:%H:%M}"
        told = [gap["source"], gap["instrument_id"], gap["dataset"], str(gap["session"]), span]
        state = "given up" if gap["given_up"] else gap["state"]
        table.add_row(
            *told, f"{gap['units']:,}", f"{gap['filled']:,}", gap["cause"], state, str(gap["tries"])
        )
    if shown:
        console.print(table)
    states = sorted(Counter(gap["state"] for gap in found).items())
    by_state = ": " + ", ".join(f"{number:,} {state}" for state, number in states) if states else ""
    console.print(f"{len(found):,} gaps{by_state}")
    if hidden := len(found) - len(shown):
        console.print(f"{hidden:,} without a trade on a stream that was alive are not shown: --all")
    for kind, states_of in counts.items():
        console.print(f"to {kind}: {states_of['open']:,} open, {states_of['given_up']:,} given up")


def _fill(args: argparse.Namespace, settings: "Settings", wanted: set[str] | None) -> int:
    from tapehouse.fill import fill

    filled = fill(
        settings,
        first=args.first or date.min,
        last=args.last or date.max,
        instruments=wanted,
        most=args.most,
        quiet=args.json,
    )
    _show_filled(filled, as_json=args.json)
    return 0 if filled.is_whole else 1


def _show_filled(filled: "Filled", *, as_json: bool) -> None:
    from tapehouse.outcomes import as_data, show_outcomes

    if as_json:
        told = filled._asdict() | {"outcomes": as_data(filled.outcomes)}
        print(json.dumps(told, default=str, indent=1))
        return
    if filled.outcomes:
        show_outcomes(filled.outcomes)
    for problem in (*filled.given_up, *filled.problems):
        print(problem)
    print(f"still to fetch: {filled.still_open:,} sessions")
    if any(outcome.is_there for outcome in filled.outcomes):
        print("take in what came: tapehouse batch --from DAY --to DAY")
