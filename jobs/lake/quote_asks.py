"""What the ledger knows of when each symbol's quote was asked for: the stalest is asked next, by whichever process."""

from collections.abc import Sequence
from datetime import datetime

from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings


class QuoteAsks:
    """One source's symbols, in the vendor's spelling."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._source = source
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)

    def stalest(self, symbols: Sequence[str]) -> str:
        """The one that was asked for longest ago, or never; of several the first."""
        rows = self._connection.execute(
            "SELECT vendor_symbol, asked_at FROM quote_asks WHERE source = %s", (self._source,)
        )
        asked = dict(rows)
        never = [symbol for symbol in symbols if symbol not in asked]
        return never[0] if never else min(symbols, key=lambda symbol: asked[symbol])

    def note(self, symbol: str, at: datetime) -> None:
        """It is about to be asked: noted before, so that one that fails does not keep the others waiting."""
        self._connection.execute(
            """INSERT INTO quote_asks VALUES (%s, %s, %s)
            ON CONFLICT (source, vendor_symbol) DO UPDATE SET asked_at = EXCLUDED.asked_at""",
            (self._source, symbol, at),
        )

    def close(self) -> None:
        self._connection.close()
