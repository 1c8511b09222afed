"""`tapehouse follow`: what is to be complete from now on, written into the instruments file."""

import argparse
import json
from datetime import date
from typing import Any

from tapehouse import followed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    followed.add_arguments(parser)
    parser.add_argument(
        "--from",
        dest="begin",
        type=date.fromisoformat,
        metavar="DATE",
        help="first local date (default: today, UTC)",
    )
    parser.add_argument(
        "--to",
        dest="end",
        type=date.fromisoformat,
        metavar="DATE",
        help="end, not included (default: for good)",
    )
    parser.add_argument("--json", action="store_true", help="what is followed of them now, as JSON")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.arguments import refuse_empty_range
    from jobs.lake.instruments import read_instruments
    from tapehouse.vendors import instruments_file

    wish = followed.Wish(args.source, args.dataset, args.begin or followed.today(), args.end)
    refuse_empty_range(wish.begin, wish.end or date.max)
    known = read_instruments(instruments_file())

    def edit(entries: list[Any], name: str) -> list[Any]:
        followed.refuse_unlisted(wish, name, known)
        return followed.with_wish(entries, wish)

    show(followed.change(args.symbols, edit), as_json=args.json)
    return 0


def show(found: dict[str, list[str]], *, as_json: bool) -> None:
    """What is followed of each instrument."""
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for name, entries in found.items():
        print(f"{name}: {', '.join(entries) or 'nothing is followed'}")
