"""The calls that a source may still be asked: counted in PostgreSQL, for all processes together.

A call is taken before it is made and never given back, so that a process that dies at any moment has at most wasted
one. A source that refuses rests, longer each time; after a rest one caller tries it, the others wait for what comes
of it.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from jobs.lake.budget_plans import Plan
from jobs.lake.errors import BudgetError
from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings

FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
# a caller that tries a source after its rest says within this time what came of it, or another one tries
TRY_WITHIN = timedelta(minutes=2)
BY_THE_CLOCK = "its calls of the day are spent"
# a source without a row, which whoever asks it first makes: the next call, until when it rests and why, refusals
NEVER_ASKED = (datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(0, UTC), None, 0)


class Standing(NamedTuple):
    """A source at one moment: calls left by purpose, and until when it rests, if it does."""

    source: str
    left: dict[str, int]
    used: int
    total: int
    rests_until: datetime | None
    because: str | None


class Budget:
    """One source's budget. `clock` gives the time in UTC, `sleep` waits for so many seconds."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.plan, self._clock, self._sleep = plan, clock, sleep
        # this caller tries a source after its rest: one answer may take several calls
        self._is_trying = False
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)

    def take(self, purpose: str) -> None:
        """Take one call for `purpose`, and wait until it may go out; an error says until when there is none."""
        if purpose not in self.plan.calls:
            raise BudgetError(
                f"{self.plan.source} has no budget for {purpose}",
                found=", ".join(self.plan.calls),
                remedy="name it in conf/budgets.yaml",
            )
        now = self._clock()
        with self._locked() as source:
            # the call belongs to the day on which it goes out
            goes_out = max(now, source["next_call_at"])
            if not self._is_trying:
                self._refuse_rest(source, now)
            used = self._used(goes_out)
            if not self.plan.left(purpose, used, goes_out):
                raise self._spent(purpose, used, goes_out)
            self._connection.execute(
                """INSERT INTO calls VALUES (%s, %s, %s, 1) ON CONFLICT (source, day, purpose)
                DO UPDATE SET calls = calls.calls + 1""",
                (self.plan.source, self.plan.day_of(goes_out), purpose),
            )
            self._update(next_call_at=goes_out + timedelta(seconds=self.plan.seconds_between_calls))
            if source["refusals"]:
                self._is_trying = True
                self._update(rests_until=goes_out + TRY_WITHIN, rests_because="it is being tried again")
        self._sleep(max(0.0, (goes_out - now).total_seconds()))

    def end_day(self, because: str) -> None:
        """The source itself says that the day's calls are spent: it rests until its next day."""
        self._is_trying = False
        with self._locked():
            self._update(rests_until=self.plan.end_of_day(self._clock()), rests_because=because)

    def rest(self, because: str) -> None:
        """The source refuses: it rests, twice as long as the time before."""
        self._is_trying = False
        with self._locked() as source:
            length = min(LONGEST_REST, FIRST_REST * 2 ** min(source["refusals"], 10))
            self._update(
                rests_until=self._clock() + length, rests_because=because, refusals=source["refusals"] + 1
            )

    def answered(self) -> None:
        """The source gave what was asked for: if it was being tried, it is well."""
        if self._is_trying:
            self._is_trying = False
            self._connection.execute(
                "UPDATE sources SET rests_until = '-infinity', rests_because = NULL, refusals = 0 WHERE source = %s",
                (self.plan.source,),
            )

    def standing(self) -> Standing:
        now = self._clock()
        used = self._used(now)
        source = self._source("")
        rests = source["rests_until"] > now
        return Standing(
            self.plan.source,
            {purpose: self.plan.left(purpose, used, now) for purpose in self.plan.calls},
            sum(used.values()),
            self.plan.total,
            source["rests_until"] if rests else None,
            source["rests_because"] if rests else None,
        )

    def close(self) -> None:
        self._connection.close()

    def _refuse_rest(self, source: dict[str, Any], now: datetime) -> None:
        if source["rests_until"] > now:
            raise BudgetError(
                f"{self.plan.source} rests until {source['rests_until']:%Y-%m-%d %H:%M:%SZ}",
                found=source["rests_because"] or "",
                remedy="wait for it: what is missing is fetched by the next run",
                until=source["rests_until"],
            )

    def _spent(self, purpose: str, used: dict[str, int], now: datetime) -> BudgetError:
        end = self.plan.end_of_day(now)
        shared = datetime.combine(self.plan.day_of(now), self.plan.shared_from, self.plan.zone).astimezone(
            UTC
        )
        # what others have left becomes free in the evening
        until = shared if now < shared and sum(used.values()) < self.plan.total else end
        return BudgetError(
            f"{self.plan.source} has no call left for {purpose} until {until:%Y-%m-%d %H:%M:%SZ}",
            found=f"{BY_THE_CLOCK}: {sum(used.values())} of {self.plan.total}, {used.get(purpose, 0)} of them for it",
            remedy="wait for it, or give it more in conf/budgets.yaml",
            until=until,
        )

    def _used(self, now: datetime) -> dict[str, int]:
        rows = self._connection.execute(
            "SELECT purpose, calls FROM calls WHERE source = %s AND day = %s",
            (self.plan.source, self.plan.day_of(now)),
        )
        return {str(purpose): int(calls) for purpose, calls in rows}

    @contextmanager
    def _locked(self) -> Generator[dict[str, Any], None, None]:
        """The source's row, which nobody else changes for the length of a block."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO sources (source) VALUES (%s) ON CONFLICT DO NOTHING", (self.plan.source,)
            )
            yield self._source("FOR UPDATE")

    def _source(self, how: str) -> dict[str, Any]:
        names = ("next_call_at", "rests_until", "rests_because", "refusals")
        # -infinity has no datetime
        columns = "greatest(next_call_at, 'epoch'), greatest(rests_until, 'epoch'), rests_because, refusals"
        rows = self._connection.execute(
            f"SELECT {columns} FROM sources WHERE source = %s {how}", (self.plan.source,)
        )
        return dict(zip(names, rows[0] if rows else NEVER_ASKED, strict=True))

    def _update(self, **values: Any) -> None:
        changes = ", ".join(f"{name} = %s" for name in values)
        self._connection.execute(
            f"UPDATE sources SET {changes} WHERE source = %s", (*values.values(), self.plan.source)
        )
