"""What a verification found: one check for each statement."""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


@dataclass
class Check:
    """One statement that holds or not; `examples` are the first keys for which it does not."""

    invariant: int
    statement: str
    ok: bool
    counted: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All checks of one run; `not_yet_checked` messages lie above the end that all tables have recorded."""

    first: date
    last: date
    checks: list[Check] = field(default_factory=list)
    not_yet_checked: int = 0

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def examples(connection: "duckdb.DuckDBPyConnection", query: str) -> list[str]:
    """The first rows of a query for what is wrong."""
    return [
        " ".join(str(value) for value in row) for row in connection.execute(f"{query} LIMIT 5").fetchall()
    ]


def row(connection: "duckdb.DuckDBPyConnection", query: str) -> tuple[Any, ...]:
    """The one row of a query; what is null there is 0."""
    return tuple(value or 0 for value in connection.execute(query).fetchall()[0])
