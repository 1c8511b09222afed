"""What the vendors may still be asked today."""

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


class BudgetsPart:
    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def look(self) -> list[Sample]:
        from jobs.lake.budget_plans import read_plans
        from jobs.lake.postgres import Connection

        now, found = datetime.now(UTC), []
        with closing(Connection(self._settings, read_only=True)) as connection:
            if connection.execute("SELECT to_regclass('sources')") == [(None,)]:
                return []
            rests = {
                source
                for (source,) in connection.execute(
                    "SELECT source FROM sources WHERE rests_until > %s", (now,)
                )
            }
            for source, plan in read_plans(self._settings.budgets).items():
                rows = connection.execute(
                    "SELECT purpose, calls FROM calls WHERE source = %s AND day = %s",
                    (source, plan.day_of(now)),
                )
                used = {str(purpose): int(calls) for purpose, calls in rows}
                for purpose, limit in plan.calls.items():
                    of = (source, purpose)
                    found.append(Sample("tapehouse_budget_calls_limit", limit, of))
                    found.append(Sample("tapehouse_budget_calls_used", used.get(purpose, 0), of))
                    found.append(Sample("tapehouse_budget_calls_left", plan.left(purpose, used, now), of))
                found.append(Sample("tapehouse_source_rests", float(source in rests), (source,)))
        return found
