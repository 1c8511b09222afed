"""`tapehouse unfollow`: what is no longer expected, written into the instruments file."""

import argparse
from datetime import date
from typing import Any

from tapehouse import followed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    followed.add_arguments(parser)
    parser.add_argument(
        "--from",
        dest="since",
        type=date.fromisoformat,
        metavar="DATE",
        help="first local date that is not followed (default: today, UTC); what came before stays followed",
    )
    parser.add_argument("--json", action="store_true", help="what is followed of them now, as JSON")


def run(args: argparse.Namespace) -> int:
    since = args.since or followed.today()

    def edit(entries: list[Any], *_: object) -> list[Any]:
        return followed.without(entries, source=args.source, dataset=args.dataset, since=since)

    followed.show(followed.change(args.symbols, edit), as_json=args.json)
    return 0
