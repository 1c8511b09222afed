"""`tapehouse follow`: what is to be complete from now on, written into the instruments file."""

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

from tapehouse import followed

if TYPE_CHECKING:
    from jobs.lake.instruments import Instruments


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

    wish = followed.Wish(args.source, args.dataset, args.begin or followed.today(), args.end)
    refuse_empty_range(wish.begin, wish.end or date.max)

    def edit(entries: list[Any], name: str, known: "Instruments") -> list[Any]:
        followed.refuse_unlisted(wish, name, known)
        return followed.with_wish(entries, wish)

    followed.show(followed.change(args.symbols, edit), as_json=args.json)
    return 0
