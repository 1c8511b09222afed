"""What is followed, as `conf/instruments.yaml` says it: changed there in place, its comments and layout kept."""

import argparse
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.lake.arguments import FOLLOWED_DATASETS, FOLLOWED_SOURCES, symbols
from jobs.lake.errors import InstrumentsError, UsageError

if TYPE_CHECKING:
    from jobs.lake.instruments import Instruments

# the entries of an instrument, its id, and the file as it was read, to the entries that it is to have
Edit = Callable[[list[Any], str, "Instruments"], list[Any]]


class Wish(NamedTuple):
    """A dataset of a source over [begin, end); `end` None is for good."""

    source: str
    dataset: str
    begin: date
    end: date | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is followed, of which instruments."""
    parser.add_argument(
        "--symbols", type=symbols, required=True, metavar="AAPL,BRK-B", help="in any spelling of the file"
    )
    parser.add_argument(
        "--dataset", choices=FOLLOWED_DATASETS, required=True, help="live quotes, days or minutes"
    )
    parser.add_argument("--source", choices=FOLLOWED_SOURCES, default="yahoo", help="(default: %(default)s)")


def change(wanted: Sequence[str], edit: "Edit") -> dict[str, list[str]]:
    """Edit the `follow` of the instruments that `wanted` means; what is followed of each afterwards.

    The file is read again as every program reads it before it takes the place of the old one.
    """
    from jobs.lake.instruments import read_instruments
    from tapehouse.symbols import identify
    from tapehouse.vendors import instruments_file

    path = instruments_file()
    known = read_instruments(path)
    chosen = list(dict.fromkeys(identify(wanted, known.listings, day=today())))
    before = path.read_text()
    after = _edited(before, chosen, lambda entries, name: edit(entries, name, known))
    if lost := _comments(before) - _comments(after):
        raise InstrumentsError(
            f"{path} would lose a comment",
            found=next(iter(lost)),
            remedy="move it to the line above the instrument, or write `follow:` by hand",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(after)
    try:
        result = read_instruments(draft)
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return {name: _followed(result, name) for name in chosen}


def show(found: dict[str, list[str]], *, as_json: bool) -> None:
    """What is followed of each instrument."""
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for name, entries in found.items():
        print(f"{name}: {', '.join(entries) or 'nothing is followed'}")


def refuse_unlisted(wish: Wish, name: str, instruments: "Instruments") -> None:
    """An error where the source has no symbol of the instrument in all the time that is wished."""
    listings = [one for one in instruments.listings if (one.instrument_id, one.vendor) == (name, wish.source)]
    end = wish.end or date.max
    if not any(one.listed_from < end and wish.begin < one.listed_to for one in listings):
        spans = ", ".join(
            f"{one.listed_symbol} from {one.listed_from} to {one.listed_to}" for one in listings
        )
        raise UsageError(
            f"{name} has no symbol at {wish.source} from {wish.begin} on",
            found=spans or "none at any time",
            remedy="see its listings in conf/instruments.yaml, or name another --source",
        )


def with_wish(entries: list[Any], wish: Wish) -> list[Any]:
    """The entries and the wish; those of the same dataset that meet it become one with it."""
    begin, end = wish.begin, wish.end or date.max
    others = []
    for entry in entries:
        first, last = span(entry)
        if is_of(entry, wish.source, wish.dataset) and first <= end and begin <= last:
            begin, end = min(begin, first), max(end, last)
        else:
            others.append(entry)
    return [*others, entry_of(wish._replace(begin=begin, end=None if end == date.max else end))]


def without(entries: list[Any], *, source: str, dataset: str, since: date) -> list[Any]:
    """The entries; those of the dataset end at `since`, and those that would begin later are gone."""
    kept = []
    for entry in entries:
        first, last = span(entry)
        if is_of(entry, source, dataset) and last > since:
            if first < since:
                kept.append(entry_of(Wish(source, dataset, first, since)))
        else:
            kept.append(entry)
    return kept


def is_of(entry: Any, source: str, dataset: str) -> bool:
    return bool(entry["source"] == source and entry["dataset"] == dataset)


def span(entry: Any) -> tuple[date, date]:
    return entry["from"], entry.get("to", date.max)


def entry_of(wish: Wish) -> Any:
    from ruamel.yaml.comments import CommentedMap

    entry = CommentedMap(source=wish.source, dataset=wish.dataset)
    entry["from"] = wish.begin
    if wish.end:
        entry["to"] = wish.end
    entry.fa.set_flow_style()
    return entry


def today() -> date:
    return datetime.now(UTC).date()


def _edited(text: str, chosen: Sequence[str], edit: Callable[[list[Any], str], list[Any]]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    # one date in several places is written in each
    yaml.representer.ignore_aliases = lambda *_: True
    document = yaml.load(text)
    for instrument in document["instruments"]:
        name = str(instrument["instrument_id"])
        if name in chosen:
            before = list(instrument.get("follow") or [])
            _put(instrument, edit(before, name))
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _put(instrument: Any, entries: list[Any]) -> None:
    from ruamel.yaml.comments import CommentedSeq

    instrument.pop("follow", None)
    if entries:
        # above the listings: a comment below the last of those belongs to what comes next
        instrument.insert(1, "follow", CommentedSeq(entries))


def _comments(text: str) -> Counter[str]:
    return Counter(re.findall(r"(?:^|(?<=\s))#.*$", text, re.MULTILINE))


def _followed(instruments: "Instruments", name: str) -> list[str]:
    from jobs.lake.instruments import NEVER

    return [
        f"{one.source} {one.dataset} from {one.begin}" + ("" if one.end == NEVER else f" to {one.end}")
        for one in instruments.followed
        if one.instrument_id == name
    ]
