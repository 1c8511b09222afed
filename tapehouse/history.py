"""`tapehouse history`: price history and corporate actions as objects in the raw bucket, within a vendor's budget."""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from jobs.lake.arguments import symbols
from tapehouse.outcomes import as_data, show_outcomes

if TYPE_CHECKING:
    from jobs.lake.budget import Budget
    from jobs.lake.fetches import Fetches, Request, Task
    from jobs.lake.instruments import Listing
    from jobs.lake.settings import Settings
    from producers.history import Vendor
    from producers.raw_store import RawStore
    from tapehouse.drift import AnswerAlerts
    from tapehouse.history_run import Choice, HistoryRun, Outcome

SOURCES = ("yahoo", "alpha_vantage")
PURPOSES = ("daily", "fill")
NEWEST = "newest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    day = date.fromisoformat
    parser.add_argument("--source", choices=SOURCES, help="the vendor")
    parser.add_argument("--interval", choices=("1d", "1m"), default="1d", help="(default: %(default)s)")
    parser.add_argument(
        "--symbols",
        type=symbols,
        metavar="AAPL,BRK-B",
        help="in any spelling of conf/instruments.yaml",
    )
    parser.add_argument("--from", dest="begin", type=day, metavar="DATE", help="first day")
    parser.add_argument("--to", dest="end", type=day, metavar="DATE", help="end of the days, not included")
    parser.add_argument(
        "--refresh", action="store_true", help="ask for all of it again, not only for what may be new"
    )
    parser.add_argument(
        "--purpose",
        choices=PURPOSES,
        default="daily",
        help="whose share of the budget (default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const=NEWEST,
        metavar="REQUEST",
        help="go on with a request that was not finished (default: the newest)",
    )
    parser.add_argument("--json", action="store_true", help="the outcome of every fetch as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if anything is missing at the end."""
    from jobs.lake.fetches import Fetches
    from tapehouse.context import use_running_environment
    from tapehouse.vendors import find_listings

    settings = use_running_environment()
    with closing(Fetches(settings)) as fetches:
        request = _resumed(args.resume, fetches) if args.resume else _new_request(args)
        listings = find_listings(request.options["symbols"], request.source, settings)
        fetches.hold(request.request_id)

        def plan(vendor: "Vendor") -> "list[Task]":
            return _tasks(request.options, vendor, listings)

        asked = None if args.resume else plan
        outcomes = carry_out(request, asked, listings, fetches, settings, quiet=args.json)
        is_whole = all(outcome.is_there for outcome in outcomes)
        if is_whole:
            fetches.finish(request.request_id)
    _show(outcomes, request, as_json=args.json)
    return 0 if is_whole else 1


def carry_out(
    request: "Request",
    plan: "Callable[[Vendor], list[Task]] | None",
    listings: "Sequence[Listing]",
    fetches: "Fetches",
    settings: "Settings",
    *,
    quiet: bool,
    choose: "Choice | None" = None,
) -> "list[Outcome]":
    """Do what is missing of a request; `plan` gives the fetches of a new one, `choose` says what each asks for."""
    from jobs.lake.alerts import Alerts
    from tapehouse.drift import AnswerAlerts
    from tapehouse.vendors import open_budget, open_raw_store, open_vendor

    with closing(open_budget(request.source, settings)) as budget, closing(Alerts(settings)) as alerts:
        vendor = open_vendor(request.source, settings, budget, purpose=request.options["purpose"])
        store = open_raw_store(settings)
        if plan:
            fetches.begin(request, _stalest_first(plan(vendor), store, vendor))
        told = AnswerAlerts(alerts, request.source)
        history = _history(request, vendor, budget, store, fetches, told, listings, choose)
        return _follow(history, fetches.missing(request.request_id), quiet=quiet)


def new_id() -> str:
    """The id of a request that is made now."""
    return f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}"


def _new_request(args: argparse.Namespace) -> "Request":
    from jobs.lake.arguments import refuse_empty_range
    from jobs.lake.errors import UsageError
    from jobs.lake.fetches import Request

    names = {"--source": args.source, "--symbols": args.symbols, "--from": args.begin, "--to": args.end}
    missing = [name for name, value in names.items() if not value]
    if missing:
        raise UsageError(
            "it is not said what to fetch", found=f"no {', '.join(missing)}", remedy="add them, or --resume"
        )
    refuse_empty_range(args.begin, args.end)
    options = {
        "interval": args.interval,
        "symbols": args.symbols,
        "from": str(args.begin),
        "to": str(args.end),
        "refresh": args.refresh,
        "purpose": args.purpose,
    }
    return Request(new_id(), args.source, options)


def _resumed(request_id: str, fetches: "Fetches") -> "Request":
    from jobs.lake.errors import UsageError

    found = fetches.newest_unfinished() if request_id == NEWEST else fetches.request(request_id)
    if found is None:
        raise UsageError(
            "there is no such request to go on with",
            found="none that is not finished" if request_id == NEWEST else request_id,
            remedy="begin one with --source, --symbols, --from and --to",
        )
    return found


def _tasks(options: dict[str, Any], vendor: "Vendor", listings: "Sequence[Listing]") -> "list[Task]":
    """Of each symbol first what rewrites its past, then its bars."""
    from jobs.lake.fetches import Task
    from producers.raw_store import Range

    begin, end = date.fromisoformat(options["from"]), date.fromisoformat(options["to"])
    today = datetime.now(UTC).date()
    return [
        Task(piece.dataset, piece.vendor_symbol, piece.begin, piece.end)
        for listing in listings
        for dataset in vendor.datasets(options["interval"])
        for piece in vendor.pieces(
            Range(vendor.source, dataset, listing.listed_symbol, begin, end), today=today
        )
    ]


def _stalest_first(tasks: "list[Task]", store: "RawStore", vendor: "Vendor") -> "list[Task]":
    """The symbols whose newest fetch is longest ago first; those that were never fetched before all others."""
    from producers.raw_store import Range

    newest: dict[str, datetime] = {}
    for task in tasks:
        for kept in store.find(Range(vendor.source, *task)):
            newest[task.vendor_symbol] = max(kept.fetched_at, newest.get(task.vendor_symbol, kept.fetched_at))
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(tasks, key=lambda task: newest.get(task.vendor_symbol, never))


def _history(
    request: "Request",
    vendor: "Vendor",
    budget: "Budget",
    store: "RawStore",
    fetches: "Fetches",
    alerts: "AnswerAlerts",
    listings: "Sequence[Listing]",
    choose: "Choice | None",
) -> "HistoryRun":
    from jobs.lake.sessions import sessions_of
    from tapehouse.history_run import HistoryRun

    today = datetime.now(UTC).date()
    calendars = {listing.calendar for listing in listings}
    sessions = {
        calendar: [session.session for session in sessions_of([calendar], until=today)]
        for calendar in calendars
    }
    refresh = bool(request.options["refresh"])
    return HistoryRun(
        request.request_id,
        vendor,
        budget,
        store,
        fetches,
        alerts,
        listings=listings,
        sessions=sessions,
        refresh=refresh,
        choose=choose,
    )


def _follow(history: "HistoryRun", tasks: "list[Task]", *, quiet: bool) -> "list[Outcome]":
    """Run the tasks with a progress bar on a terminal, on standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    return list(track(history.run(tasks), "fetching", total=len(tasks), console=console, disable=hidden))


def _show(outcomes: "list[Outcome]", request: "Request", *, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps(
                {"request_id": request.request_id, "fetches": as_data(outcomes)}, default=str, indent=1
            )
        )
    else:
        show_outcomes(outcomes)
    missing = [outcome for outcome in outcomes if not outcome.is_there]
    if missing:
        print(
            f"{len(missing)} of {len(outcomes)} fetches are missing; just these again: "
            f"tapehouse history --resume {request.request_id}",
            file=sys.stderr,
        )
