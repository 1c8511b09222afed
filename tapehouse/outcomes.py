"""What became of fetches, as a table or as data."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapehouse.history_run import Outcome


def show_outcomes(outcomes: "Iterable[Outcome]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("symbol", "dataset", "from", "to", "rows", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for outcome in outcomes:
        dataset, symbol, begin, end = outcome.task
        state = f"{outcome.state}: {outcome.problem}" if outcome.problem else outcome.state
        table.add_row(symbol, dataset, str(begin), str(end), f"{outcome.rows:,}", state)
    Console(highlight=False).print(table)


def as_data(outcomes: "Iterable[Outcome]") -> list[dict[str, Any]]:
    return [
        {**one.task._asdict(), "state": one.state, "rows": one.rows, "problem": one.problem}
        for one in outcomes
    ]
