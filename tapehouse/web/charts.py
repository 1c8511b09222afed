"""What a chart shows: bars of one instrument with all that has to be said of them, read when they are asked for."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tapehouse.delta import url_of
from tapehouse.judgement import LIVE
from tapehouse.table_files import Where, rows
from tapehouse.web.bars import Bar, Key, number, seconds_of, text_of
from tapehouse.web.commits import Follower
from tapehouse.web.listings import Listings, Meant

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from jobs.lake.settings import Settings

BASES = ("raw", "split_adjusted", "total_return_yahoo", "total_return_crsp")
DAYS_SHOWN, SESSIONS_SHOWN, MISSED_SHOWN = 1_500, 5, 2
MOST_KEPT = 12  # charts of history in memory
PRICES = ["open", "high", "low", "close"]
GAPS = ["source", "gap_start", "gap_end", "units", "filled", "cause", "state"]


class Charts:
    """Charts of minutes and of days; each is read once for a version of its table, one at a time."""

    def __init__(self, settings: "Settings", listings: Listings) -> None:
        self._settings, self._listings = settings, listings
        self._kept: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def live(
        self, meant: Meant, key: Key, bars: list[Bar], sources: list[str], currency: str | None
    ) -> dict[str, Any]:
        """The stream's bars; they go on by themselves. Sessions of which a live source sent nothing are there too."""
        days = [date.fromisoformat(bar.session) for bar in bars]
        missed = MISSED_SHOWN if key.source in LIVE else 0
        return self._around(meant, days, source=key.source, missed=missed) | {
            "view": "live",
            "table": "gold.bars_1m",
            "basis": "raw",
            "currency": currency,
            "source": key.source,
            "sources": sources,
            "bars": [bar.wire() for bar in bars],
        }

    def minutes(self, meant: Meant) -> dict[str, Any]:
        """gold.minutes: the stream's bar where that is complete, else the vendor's."""
        columns = [*PRICES, "bar_start", "session", "volume", "volume_is_complete", "source", "choice"]

        def read(opened: "DeltaTable") -> dict[str, Any]:
            of = Where({"instrument_id": meant.instrument_id})
            newest = max((row["session"] for row in self._rows(opened, ["session"], of)), default=None)
            if newest is None:
                return {"bars": []}
            first = newest - timedelta(days=2 * SESSIONS_SHOWN)
            found = self._rows(opened, [*columns, "currency"], of._replace(since=("session", first)))
            days = sorted({row["session"] for row in found})[-SESSIONS_SHOWN:]
            found = sorted((row for row in found if row["session"] in days), key=lambda row: row["bar_start"])
            return self._around(meant, days, source=None) | {
                "currency": found[-1]["currency"],
                "sources": sorted({row["source"] for row in found}),
                "source": found[-1]["source"],
                "bars": [_minute(row) for row in found],
            }

        return {"view": "minute", "basis": "raw"} | self._of_table(
            "gold.minutes", meant, ("gold.gaps",), read
        )

    def days(self, meant: Meant, basis: str) -> dict[str, Any]:
        """gold.adjusted_bars_1d on a basis; of what is not adjusted yet, gold.bars_1d as traded."""
        found = self._days(meant, basis, "gold.adjusted_bars_1d")
        return found if found["bars"] or basis != "raw" else self._days(meant, basis, "gold.bars_1d")

    def _days(self, meant: Meant, basis: str, table: str) -> dict[str, Any]:
        def read(opened: "DeltaTable") -> dict[str, Any]:
            of_basis = {"basis": basis} if table == "gold.adjusted_bars_1d" else {}
            of = Where({"instrument_id": meant.instrument_id} | of_basis)
            columns = [*PRICES, "session", "volume", "currency", "source", "factor"]
            found = sorted(self._rows(opened, columns, of), key=lambda row: row["session"])[-DAYS_SHOWN:]
            if not found:
                return {"bars": []}
            first, last = found[0]["session"], found[-1]["session"]
            sources = self._served_by(meant, first)
            return {
                "currency": found[-1]["currency"],
                "sources": sorted(set(sources.values())),
                "source": sources.get(last),
                "expected": [day for day, _, _ in self._sessions(meant, first, last)],
                "bars": [_day(row, sources.get(row["session"])) for row in found],
            }

        return {"view": "day", "basis": basis} | self._of_table(
            table, meant, ("gold.bars_1d",), read, basis=basis
        )

    def _served_by(self, meant: Meant, first: date) -> dict[date, str]:
        """Whose bar of each session serves: the adjusted ones are worked out from these."""
        opened = self._open("gold.bars_1d")
        if opened is None:
            return {}
        of = Where({"instrument_id": meant.instrument_id}, since=("session", first))
        return {row["session"]: row["source"] for row in self._rows(opened, ["session", "source"], of)}

    def _of_table(
        self,
        table: str,
        meant: Meant,
        beside: tuple[str, ...],
        read: "Callable[[DeltaTable], dict[str, Any]]",
        *,
        basis: str = "raw",
    ) -> dict[str, Any]:
        """What was read at the versions that this table has now and those beside it, of which it tells too."""
        with self._lock:
            opened = self._open(table)
            if opened is None:
                return _about(meant) | {"table": table, "version": None, "bars": []}
            versions = [_version(opened), *(_version(self._open(one)) for one in beside)]
            name = (table, *versions, meant.instrument_id, basis)
            if name not in self._kept:
                about = {"table": table, "version": opened.version(), "sources": [], "source": None}
                self._kept[name] = about | _about(meant) | read(opened)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return self._kept[name]

    def _around(
        self, meant: Meant, days: Iterable[date], *, source: str | None, missed: int = 0
    ) -> dict[str, Any]:
        """The sessions that bars belong to, the next ones until today, and what is known to be missing in them."""
        known = sorted(set(days))
        if not known:
            return _about(meant) | {"sessions": [], "gaps": []}
        sessions = self._sessions(meant, known[0], known[-1])
        shown = {day.isoformat() for day in known}
        found = [one for one in sessions if one[0] in shown]
        if missed:
            found += self._sessions(meant, known[-1] + timedelta(days=1), datetime.now(UTC).date())[:missed]
        return _about(meant) | {
            "sessions": found,
            "gaps": self._gaps(meant, known[0], source),
        }

    def _gaps(self, meant: Meant, first: date, source: str | None) -> list[dict[str, Any]]:
        opened = self._open("gold.gaps")
        if opened is None:
            return []
        of_source = {"source": source} if source is not None else {}
        of = Where(
            {"instrument_id": meant.instrument_id, "width": "1 minute"} | of_source, since=("session", first)
        )
        return [
            row | {"gap_start": seconds_of(row["gap_start"]), "gap_end": seconds_of(row["gap_end"])}
            for row in self._rows(opened, GAPS, of)
        ]

    def _sessions(self, meant: Meant, first: date, last: date) -> list[tuple[str, int, int]]:
        return self._listings.sessions_between(meant.calendar, first, last)

    def _rows(self, opened: "DeltaTable", columns: list[str], where: Where) -> list[dict[str, Any]]:
        return rows(opened, self._settings.storage_options(), columns, where)

    def _open(self, table: str) -> "DeltaTable | None":
        return Follower(url_of(table, self._settings), self._settings.storage_options()).current()


def _version(opened: "DeltaTable | None") -> tuple[str, int] | None:
    return (str(opened.metadata().id), opened.version()) if opened else None


def _about(meant: Meant) -> dict[str, Any]:
    return {"instrument": meant.instrument_id, "symbol": meant.symbol, "zone": meant.zone}


def _minute(row: dict[str, Any]) -> list[Any]:
    flags = 0 if row["volume_is_complete"] else 2
    prices = [number(row[name]) for name in PRICES]
    who = row["source"] if row["choice"] == "stream" else f"{row['source']}, {row['choice']}"
    if row["choice"] == "incomplete_stream":
        # a bar of the stream is incomplete by its volume, or because it is not final: the table says no more
        flags, who = (flags, f"{who}: may not be final") if flags else (1, who)
    return [
        seconds_of(row["bar_start"]),
        *prices,
        row["volume"],
        flags,
        0,
        None,
        text_of(row["session"]),
        who,
    ]


def _day(row: dict[str, Any], source: str | None) -> list[Any]:
    midnight = seconds_of(datetime(row["session"].year, row["session"].month, row["session"].day, tzinfo=UTC))
    prices = [number(row[name]) for name in PRICES]
    return [midnight, *prices, row["volume"], 0, 0, None, text_of(row["session"]), source]
