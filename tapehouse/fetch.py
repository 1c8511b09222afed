"""`tapehouse fetch`: what is followed of one session from one vendor, unless it was fetched after its close."""

import argparse
import json
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.arguments import FOLLOWED_SOURCES, add_allow_empty

if TYPE_CHECKING:
    from jobs.lake.fetches import Fetches
    from jobs.lake.settings import Settings
    from tapehouse.history_run import Outcome

JOB, PURPOSE = "fetch", "daily"


class FetchedSession(NamedTuple):
    """What came of it; `refused` are the symbols that the vendor has nothing of that age of, by its reason."""

    followed: int
    outcomes: "list[Outcome]"
    refused: dict[str, list[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--session", type=date.fromisoformat, required=True, metavar="DATE", help="a session that has begun"
    )
    parser.add_argument("--source", choices=FOLLOWED_SOURCES, required=True, help="the vendor")
    parser.add_argument("--interval", choices=("1d", "1m"), default="1d", help="(default: %(default)s)")
    add_allow_empty(parser)
    parser.add_argument("--json", action="store_true", help="the outcome of every fetch as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if a fetch failed; what the budget lets wait is no failure."""
    from jobs.lake.errors import FetchError
    from jobs.lake.fetches import Fetches
    from jobs.lake.ledger import Ledger
    from tapehouse.context import use_running_environment

    settings = use_running_environment()
    wanted = {"source": args.source, "interval": args.interval, "session": str(args.session)}
    with closing(Ledger(settings)) as ledger, closing(Fetches(settings)) as fetches:
        fetches.hold(" ".join((JOB, *wanted.values())))
        # whoever was at it before is gone
        ledger.close_lost_runs(JOB, **wanted)
        fetches.finish_lost(**wanted)
        with ledger.run(JOB, **wanted):
            fetched = fetch_session(settings, fetches, **{**wanted, "session": args.session}, quiet=args.json)
            _show(fetched, args)
            failed = [outcome for outcome in fetched.outcomes if outcome.state == "failed"]
            if failed:
                raise FetchError(
                    f"{len(failed)} of {len(fetched.outcomes)} fetches failed",
                    found=f"{failed[0].task.vendor_symbol} {failed[0].task.dataset}: {failed[0].problem}",
                    remedy="run it again: what came is not asked for twice",
                )
    return 0


def fetch_session(
    settings: "Settings",
    fetches: "Fetches",
    *,
    source: str,
    interval: str,
    session: date,
    quiet: bool,
    now: datetime | None = None,
) -> FetchedSession:
    """Ask a vendor for what is followed of a session and was not fetched since its close, within the budget.

    The request is finished with this: what is left of it the next one asks for, and gold.gaps names.
    """
    from jobs.lake.fetches import Request
    from jobs.lake.instruments import read_instruments
    from tapehouse.history import carry_out, new_id
    from tapehouse.missing_minutes import without_complete_bars
    from tapehouse.session_plan import AfterClose, SessionPlan, find_parts
    from tapehouse.vendors import open_raw_store

    now = now or datetime.now(UTC)
    instruments = read_instruments(settings.instruments)
    parts = find_parts(instruments, source=source, interval=interval, session=session, now=now)
    streamed = [part for part in parts if part.is_streamed]
    missing = without_complete_bars(settings, streamed, source=source, now=now)
    asked = [part for part in parts if not part.is_streamed or part.listing.instrument_id in missing]
    if not asked:
        return FetchedSession(len(parts), [], {})
    listings = [part.listing for part in asked]
    symbols = [listing.listed_symbol for listing in listings]
    options = {"interval": interval, "session": str(session), "symbols": symbols, "purpose": PURPOSE}
    plan = SessionPlan(asked, interval)
    choose = AfterClose(asked, interval, open_raw_store(settings), now=now)
    request = Request(new_id(), source, {**options, "refresh": False})
    try:
        outcomes = carry_out(request, plan, listings, fetches, settings, quiet=quiet, choose=choose)
    finally:
        fetches.finish(request.request_id)
    return FetchedSession(len(parts), outcomes, plan.refused)


def _show(fetched: FetchedSession, args: argparse.Namespace) -> None:
    from tapehouse.outcomes import as_data, show_outcomes

    if args.json:
        told = {
            "followed": fetched.followed,
            "fetches": as_data(fetched.outcomes),
            "refused": fetched.refused,
        }
        print(json.dumps(told, default=str, indent=1))
        return
    of = f"{args.source} {args.interval} of {args.session}"
    if not fetched.followed:
        print(f"{of}: nothing is followed")
    elif not fetched.outcomes and not fetched.refused:
        print(f"{of}: the stream has every minute")
    if fetched.outcomes:
        show_outcomes(fetched.outcomes)
        counts = Counter(outcome.state for outcome in fetched.outcomes)
        print(f"{of}: {', '.join(f'{number} {state}' for state, number in counts.items())}")
        if counts["waiting"]:
            print("what waits for the budget is a gap, not_fetched, until a later run has fetched it")
    for reason, names in fetched.refused.items():
        print(f"not asked for: {', '.join(names)}, {reason}")
