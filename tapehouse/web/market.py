"""The stream's bars in memory: the newest of every symbol, and those of the symbols that somebody looks at.

Both tables of gold are followed: the log, where a bar is seen first, and what is merged from it. What changed is
known by its arrival, never by its time, so that a bar that is revised later is told too.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tapehouse.delta import LOG, MERGED, url_of
from tapehouse.judgement import SENT_WITHIN
from tapehouse.table_files import Where, batches, newest_partitions, rows
from tapehouse.web.bars import COLUMNS, Bar, Key, Newest, bar_of, key_of, merge, newest_of
from tapehouse.web.commits import Change, Follower

if TYPE_CHECKING:
    import pyarrow
    from deltalake import DeltaTable

    from jobs.lake.settings import Settings

# commits that say again what was seen before
COPIES = {MERGED: "merge", LOG: "prune"}
# partitions that are looked through for the newest bars: what closes for a long weekend is among them
SESSIONS = 5
SHOWN = 2  # sessions of a symbol
MOST_KEPT = 60  # symbols in memory that nobody looks at any more
COMMITS_KNOWN = 600


@dataclass
class Series:
    """The bars of a key that somebody looks at, or did a moment ago."""

    bars: dict[int, Bar] = field(default_factory=dict)
    is_loaded: bool = False
    viewers: int = 0


class Market:
    """`look` is called again and again by one thread; the others read what it found."""

    def __init__(self, settings: "Settings", told: Callable[[], None] = lambda: None) -> None:
        options = settings.storage_options()
        self._tables = {name: Follower(url_of(name, settings), options) for name in (LOG, MERGED)}
        self._told = told
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._newest: dict[Key, Newest] = {}
        self._series: dict[Key, Series] = {}
        self._commits: deque[tuple[int, float]] = deque(maxlen=COMMITS_KNOWN)
        self._is_synced = False
        self.arrival = 0
        self.generation = 0  # grows when everything was read again

    def look(self) -> dict[str, int]:
        """Take in what was committed; the version of each table."""
        try:
            if not self._is_synced or not self._follow():
                self._sync()
        except Exception:
            self._is_synced = False  # a commit may have been taken in part: everything is read again
            raise
        return {name: table.version for name, table in self._tables.items()}

    def newest(self, *, after: int = -1) -> list[tuple[Key, Newest]]:
        """The newest bars of all keys, of those that changed after an arrival."""
        with self._lock:
            return [(key, one) for key, one in self._newest.items() if one.arrival > after]

    def sources_of(self, instrument_id: str) -> list[str]:
        """The sources that have bars of an instrument, the one with the newest bar first."""
        with self._lock:
            found = [(one.start, key.source) for key, one in self._newest.items() if key[1] == instrument_id]
        return [source for _, source in sorted(found, reverse=True)]

    def currency_of(self, key: Key) -> str | None:
        """The currency of a key's prices."""
        with self._lock:
            return self._newest[key].currency if key in self._newest else None

    def live_sources(self) -> set[tuple[str, str]]:
        """Source and venue of the bars of the last days: each venue has sessions of its own."""
        with self._lock:
            found = [(key.source, one.mic, one.session) for key, one in self._newest.items()]
        if not found:
            return set()
        first = date.fromisoformat(max(session for _, _, session in found)) - SENT_WITHIN
        return {(source, mic) for source, mic, session in found if session >= first.isoformat()}

    def bars(self, key: Key, *, after: int = -1) -> list[Bar]:
        """The bars of a key that is held, of those that changed after an arrival."""
        with self._lock:
            series = self._series.get(key)
            return sorted(bar for bar in series.bars.values() if bar.arrival > after) if series else []

    def committed_after(self, arrival: int) -> float | None:
        """When the first commit after an arrival was made, Unix time."""
        with self._lock:
            return next((at for number, at in self._commits if number > arrival), None)

    def hold(self, key: Key) -> None:
        """Keep the bars of a key current until it is released; `load` reads those that there are."""
        with self._lock:
            self._series.setdefault(key, Series()).viewers += 1

    def release(self, key: Key) -> None:
        with self._lock:
            if series := self._series.get(key):
                series.viewers -= 1
            unseen = [name for name, one in self._series.items() if one.viewers < 1]
            for name in unseen[: max(0, len(unseen) - MOST_KEPT)]:
                del self._series[name]

    def load(self, key: Key) -> None:
        """Read the bars of a key that is held; one load at a time, so that few rows are in memory."""
        with self._loading:
            with self._lock:
                series, generation = self._series.get(key), self.generation
            if series is None or series.is_loaded:
                return
            found = _read(self._tables, key)
            with self._lock:
                if generation != self.generation:
                    return  # rows that may be gone; whoever looks sees the generation, and loads again
                # what was followed meanwhile is newer
                series.bars = {bar.start: bar for bar in found} | series.bars
                series.is_loaded = True

    def _follow(self) -> bool:
        """Take in the new commits; whether that was possible."""
        for name, table in self._tables.items():
            changes = table.changes()
            if changes is None:
                return False
            for change in changes:
                if change.kind == COPIES[name]:
                    continue
                if change.replaces:
                    return False
                self._take(table, change)
        return True

    def _take(self, table: Follower, change: Change) -> None:
        found = [row for file in change.added for row in table.read(file, COLUMNS)]
        if not found:
            return
        with self._lock:
            self.arrival += 1
            self._commits.append((self.arrival, change.committed_at))
            for row in found:
                key, newest = key_of(row), newest_of(row, self.arrival)
                if key not in self._newest or newest.start >= self._newest[key].start:
                    self._newest[key] = newest
                if key in self._series:
                    bar = bar_of(row, self.arrival)
                    self._series[key].bars[bar.start] = bar
        self._told()

    def _sync(self) -> None:
        """Read what is there; whoever looks at a symbol is told all of it again."""
        self._is_synced = False
        opened = {name: table.open_newest() for name, table in self._tables.items()}
        found = _newest_of_all(opened, self._tables[LOG].options, self.arrival + 1)
        with self._lock:
            self.arrival += 1
            self.generation += 1
            self._newest = found
            for key, series in list(self._series.items()):
                if series.viewers < 1:
                    del self._series[key]
                series.bars, series.is_loaded = {}, False
        self._is_synced = True
        self._told()


def _read(tables: dict[str, Follower], key: Key) -> list[Bar]:
    """The bars of a key in its newest sessions."""
    of_key = Where({"source": key.source, "instrument_id": key.instrument_id})
    found: dict[str, list[dict[str, Any]]] = {LOG: [], MERGED: []}
    for name in (MERGED, LOG):  # what is merged meanwhile is in the log that is opened later
        opened = tables[name].current()
        if opened is None:
            continue
        sessions = newest_partitions(opened, "session", most=SESSIONS)
        near = of_key._replace(since=("session", sessions[-1])) if sessions else of_key
        options = tables[name].options
        found[name] = rows(opened, options, COLUMNS, near) or rows(opened, options, COLUMNS, of_key)
    bars = merge(found[MERGED], found[LOG])
    shown = sorted({bar.session for bar in bars.values()}, reverse=True)[:SHOWN]
    return [bar for bar in bars.values() if bar.session in shown]


def _newest_of_all(
    opened: "dict[str, DeltaTable | None]", options: dict[str, str], arrival: int
) -> dict[Key, Newest]:
    """The newest bar of each key in the newest sessions, and in the log."""
    found: dict[Key, tuple[tuple[int, int], Newest]] = {}
    for name in (MERGED, LOG):
        table = opened[name]
        if table is None:
            continue
        sessions = newest_partitions(table, "session", most=SESSIONS)
        near = Where(since=("session", sessions[-1]) if sessions else None)
        for batch in batches(table, options, COLUMNS, near):
            for row in _last_rows(batch):
                key, newest = key_of(row), newest_of(row, arrival)
                place = (newest.start, int(row.get("sequence", -1)))
                if key not in found or place >= found[key][0]:
                    found[key] = (place, newest)
    return {key: newest for key, (_, newest) in found.items()}


def _last_rows(batch: "pyarrow.RecordBatch") -> list[dict[str, Any]]:
    """The newest row of each key in a batch."""
    import pyarrow

    order = [(name, "ascending") for name in ("bar_start", "sequence") if name in batch.schema.names]
    keys = ["source", "instrument_id"]
    table = pyarrow.Table.from_batches([batch]).sort_by(order)
    placed = table.select(keys).append_column("place", pyarrow.array(range(len(table))))
    last = placed.group_by(keys, use_threads=False).aggregate([("place", "max")])
    return list(table.take(last["place_max"]).to_pylist())
