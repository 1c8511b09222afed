"""When each symbol's quote was asked for, in the ledger: the stalest is asked next, by whichever process."""

from collections.abc import Callable, Sequence
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

    def claim(
        self, symbols: Sequence[str], now: datetime, *, is_due: Callable[[str, datetime | None], bool]
    ) -> str | None:
        """The symbol that was asked for longest ago, or never, if it `is_due`; it is noted as asked for at `now`.

        `is_due` is told the symbol and when the source was asked last, for any symbol. It is noted before it is asked,
        and by one process at a time: neither a failure nor another process asks for it again.
        """
        with self._connection.transaction():
            self._connection.execute("LOCK TABLE quote_asks IN SHARE ROW EXCLUSIVE MODE")
            rows = self._connection.execute(
                "SELECT vendor_symbol, asked_at FROM quote_asks WHERE source = %s", (self._source,)
            )
            asked = dict(rows)
            never = [symbol for symbol in symbols if symbol not in asked]
            stalest = never[0] if never else min(symbols, key=lambda symbol: asked[symbol])
            if not is_due(stalest, max(asked.values(), default=None)):
                return None
            self._note(stalest, now)
        return stalest

    def close(self) -> None:
        self._connection.close()

    def _note(self, symbol: str, at: datetime) -> None:
        self._connection.execute(
            """INSERT INTO quote_asks VALUES (%s, %s, %s)
            ON CONFLICT (source, vendor_symbol) DO UPDATE SET asked_at = EXCLUDED.asked_at""",
            (self._source, symbol, at),
        )
