"""The last days of every instrument with a price history, for the list of symbols."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tapehouse.measuring.lake import Version, version_of
from tapehouse.table_files import Where, batches, files_of
from tapehouse.web.bars import Named, text_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from tapehouse.measuring.lake import Lake

TABLE = "gold.bars_1d"
COLUMNS = ["instrument_id", "symbol", "mic", "currency", "session", "close", "source"]
LOOKED_BACK = timedelta(days=10)
MOST = 3_000  # in the list; others are found by their name


class Days:
    """Reads the newest sessions when the table has another version."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake
        self._version: Version | None = None
        self._newest: dict[str, dict[str, Any]] = {}

    def look(self) -> int:
        """How many instruments have a history."""
        opened = self._lake.newest(TABLE)
        if opened is not None and version_of(opened) != self._version:
            self._newest = _read(opened, self._lake.options)
            self._version = version_of(opened)
        return len(self._newest)

    def named(self) -> list[Named]:
        return [
            Named(name, str(row["symbol"]), str(row["mic"] or "XNYS")) for name, row in self._newest.items()
        ]

    def wire(self) -> list[list[Any]]:
        """As browsers are told them: the close of each one's newest session."""
        return [
            [
                name,
                row["source"],
                row["symbol"],
                float(row["close"]),
                text_of(row["session"]),
                row["currency"],
            ]
            for name, row in sorted(self._newest.items())[:MOST]
        ]


def _read(opened: "DeltaTable", options: dict[str, str]) -> dict[str, dict[str, Any]]:
    told = [file.high.get("session") for file in files_of(opened)]
    last = max((day for day in told if day is not None), default=None)
    if last is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for batch in batches(opened, options, COLUMNS, Where(since=("session", last - LOOKED_BACK))):
        for row in batch.to_pylist():
            known = found.get(row["instrument_id"])
            if known is None or row["session"] >= known["session"]:
                found[row["instrument_id"]] = row
    return found
