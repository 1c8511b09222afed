"""Rows of the lake for `tapehouse explain`: a table is opened when it is asked for, and read no further than needed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.settings import Settings

Row = dict[str, Any]


class Lake:
    """The newest version of each table. One that does not exist has no rows."""

    def __init__(self, settings: "Settings") -> None:
        from tapehouse.delta import connect

        self._settings, self._connection = settings, connect()
        self._known: dict[str, bool] = {}

    def has(self, table: str) -> bool:
        from jobs.lake.errors import NoDataError
        from tapehouse.delta import open_table

        if table not in self._known:
            try:
                opened = open_table(table, self._settings)
            except NoDataError:
                self._known[table] = False
            else:
                plain = table.replace(".", "_")
                self._connection.register(plain, opened.to_pyarrow_dataset())
                self._connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {plain}")
                self._known[table] = True
        return self._known[table]

    def rows(self, table: str, condition: str, *values: Any, columns: str = "*") -> list[Row]:
        """The rows that meet a condition; what may follow one in SQL may follow here."""
        if not self.has(table):
            return []
        return self.ask(f"SELECT {columns} FROM {table} WHERE {condition}", values)

    def bars(self, condition: str, *values: Any, after: str = "") -> list[Row]:
        """Bars of minutes: of each the newest revision, merged or not; `after` is what may follow in SQL."""
        from tapehouse.delta import LOG, MERGED, NEWEST_BARS

        if not (self.has(MERGED) and self.has(LOG)):
            return []
        parts = {
            "merged": f"(SELECT * FROM {MERGED} WHERE {condition})",
            "log": f"(SELECT * FROM {LOG} WHERE {condition})",
        }
        return self.ask(f"SELECT * FROM ({NEWEST_BARS.format(**parts)}) {after}", [*values, *values])

    def ask(self, query: str, values: Sequence[Any] | dict[str, Any]) -> list[Row]:
        """The rows of a query over tables that `has` has found."""
        cursor = self._connection.execute(query, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, map(_in_utc, row), strict=True)) for row in cursor.fetchall()]


def text(value: Any) -> str:
    """A value as people and programs read it: no zeros that say nothing, instants in UTC."""
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return (plain.rstrip("0").rstrip(".") or "0") if "." in plain else plain
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
        return moment.replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
