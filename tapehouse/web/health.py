"""The health of the pipeline: what is looked at and how often, and the boxes that it makes at any moment.

What cannot be looked at is unknown, and says since when: no box stays as it was.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tapehouse.judgement import LIVE, Job, judge_job, judge_services, judge_tables, tell_alert
from tapehouse.web import boxes
from tapehouse.web.box import Box, Line, stamp
from tapehouse.web.history_box import due_of, history_box
from tapehouse.web.looks import JobSeen, Operations
from tapehouse.web.watch import Watch, Watcher
from tapehouse.web.watches import make_watches

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.web.listings import Listings
    from tapehouse.web.market import Market

TITLES = {
    "job": "Stream job",
    "feed": "Feed",
    "stream_tables": "Tables of the stream",
    "lag": "Kafka lag",
    "rejected": "Rejected by rule",
    "alerts": "Alerts",
    "warehouse": "Warehouse",
    "gaps": "Gaps",
    "budgets": "Budgets",
    "tables": "Tables of history",
    "runs": "Runs",
    "services": "Services",
}
WRONG = {"late", "differs", "failed"}
# the boxes of which each thing that is wrong is told in a sentence of its own
TOLD = {"job", "feed", "stream_tables", "lag", "alerts", "tables", "services"}
# the watches of boxes that are called otherwise, or need several
MADE_OF = {
    "lag": ("kafka",),
    # whose exchange is open is told by the bars and by the calendars of the listings
    "feed": ("operations", "bars", "listings"),
    "stream_tables": ("stream_tables", "bars", "listings"),
    "alerts": ("operations",),
    "runs": ("operations",),
    # which session should be there is told by the exchange's calendar, and by the runs of daily_close
    "tables": ("tables", "listings", "operations"),
    "warehouse": ("warehouse", "operations"),
}


class Health:
    """Watches with their threads; `boxes` may be asked by any thread."""

    def __init__(
        self, settings: "Settings", market: "Market", listings: "Listings", told: Callable[[], None]
    ) -> None:
        from tapehouse.measuring.lake import Lake
        from tapehouse.web.days import Days

        self._market, self._listings = market, listings
        lake = Lake(settings)
        self.days = Days(lake)
        self.watches = {
            watch.name: watch for watch in make_watches(settings, market, listings, self.days, lake)
        }
        # those that read the lake's tables take turns: they share what they have opened
        alone = ("bars", "listings", "job", "operations", "kafka", "stream_tables", "services", "budgets")
        groups = [[self.watches[name]] for name in alone]
        groups.append([watch for name, watch in self.watches.items() if name not in alone])
        self._watchers = [Watcher(group[0].name, group, told) for group in groups]

    def start(self) -> None:
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        for watcher in self._watchers:
            watcher.stop()

    def has_ended(self, seconds: float) -> bool:
        """Whether no look is under way any more, waited for so many seconds at most."""
        deadline = time.monotonic() + seconds
        return all(one.has_ended(max(0.0, deadline - time.monotonic())) for one in self._watchers)

    def boxes(self) -> list[dict[str, Any]]:
        """Every box as it is now, the sum of all first."""
        at = datetime.now(UTC)
        now = at.timestamp()
        problems: list[str] = []
        found: dict[str, Box] = {}
        job = self._job(found, problems, now)
        sources = self._market.live_sources() | self._listings.expected
        live_and_open, open_venues = self._who_is_open(sources, at)
        self._of_stream(found, problems, at, job, live_and_open, sources)
        lag = self._lag(found, job)
        problems += judge_job(job, lag=lag, live_and_open=live_and_open) if "job" in found else []
        self._of_ledger(found, problems, sources, open_venues, live_and_open)
        self._of_lake(found, problems, at)
        self._services(found, problems)
        shown = [found.get(name) or self._unknown(name, title) for name, title in TITLES.items()]
        problems += [f"{box.title}: {box.says}" for box in shown if box.state in WRONG and box.id not in TOLD]
        problems += self._unknowns()
        return [_sum(problems).wire(), *[box.wire() for box in shown]]

    def _who_is_open(self, sources: set[tuple[str, str]], at: datetime) -> tuple[list[str], set[str]]:
        """The live sources that should send now, and the venues that are open."""
        venues = {venue for _, venue in sources if self._listings.is_open(venue, at)}
        return sorted({source for source, venue in sources if source in LIVE and venue in venues}), venues

    def _job(self, found: dict[str, Box], problems: list[str], now: float) -> Job:
        watch = self.watches["job"]
        seen: JobSeen | None = watch.found
        if not watch.is_known or seen is None:
            return Job("unknown")
        found["job"], job, wrong = boxes.job_box(seen, watch.since if seen.run else now)
        problems += wrong
        return job

    def _of_stream(
        self,
        found: dict[str, Box],
        problems: list[str],
        at: datetime,
        job: Job,
        live_and_open: list[str],
        sources: set[tuple[str, str]],
    ) -> None:
        from tapehouse.status_report import NEWEST_BY

        if self._lost("stream_tables"):
            return
        lines = boxes.table_lines(self.watches["stream_tables"].found, NEWEST_BY, at)
        running = job if job.state != "unknown" else Job("running")
        problems += judge_tables(lines, at=at, job=running, live_and_open=live_and_open)
        is_closed = not live_and_open and any(source in LIVE for source, _ in sources)
        title = TITLES["stream_tables"]
        found["stream_tables"] = boxes.tables_box("stream_tables", title, lines, is_closed=is_closed)

    def _lag(self, found: dict[str, Box], job: Job) -> int | None:
        watch = self.watches["kafka"]
        if not watch.is_known:
            return None
        found["lag"], lag = boxes.lag_box(watch.found, job)
        return lag

    def _of_ledger(
        self,
        found: dict[str, Box],
        problems: list[str],
        sources: set[tuple[str, str]],
        open_venues: set[str],
        live_and_open: list[str],
    ) -> None:
        watch = self.watches["operations"]
        seen: Operations | None = watch.found
        if self.watches["budgets"].is_known:
            found["budgets"] = boxes.budgets_box(self.watches["budgets"].found)
        if not watch.is_known or seen is None:
            return
        if not self._lost("feed"):
            found["feed"], wrong = boxes.feed_box(
                seen.beats, sources, open_venues, live_and_open, watch.since
            )
            problems += wrong
        problems += [tell_alert(alert) for alert in seen.alerts]
        lines = [
            Line(f"{one['name']}: {one['subject']}", one["found"], stamp(one["opened_at"]), "failed")
            for one in seen.alerts
        ]
        state, says = ("failed", f"{len(lines)} open") if lines else ("ok", "none is open")
        found["alerts"] = Box("alerts", TITLES["alerts"], state, says, lines)
        found["runs"] = boxes.runs_box(seen)
        if self.watches["warehouse"].is_known:
            found["warehouse"] = boxes.warehouse_box(self.watches["warehouse"].found, seen)

    def _of_lake(self, found: dict[str, Box], problems: list[str], at: datetime) -> None:
        from tapehouse.measuring.lake import NEWEST_BY
        from tapehouse.status_report import NEWEST_BY as OF_STREAM

        if self.watches["rejected"].is_known:
            found["rejected"] = boxes.rejected_box(self.watches["rejected"].found)
        if self.watches["gaps"].is_known:
            found["gaps"] = boxes.gaps_box(self.watches["gaps"].found)
        if not self.watches["tables"].is_known:
            return
        names = [name for name in NEWEST_BY if name not in OF_STREAM]
        lost, title = self._lost("tables"), TITLES["tables"]
        closed = () if lost else self.watches["operations"].found.closed
        due = due_of(self._listings, closed, at)
        found["tables"], wrong = history_box(title, self.watches["tables"].found, names, due=due, at=at)
        problems += wrong
        if lost:
            # the rows are known, but not whether they are late
            unknown = self._unknown("tables", title)
            unknown.lines = found["tables"].lines
            found["tables"] = unknown

    def _services(self, found: dict[str, Box], problems: list[str]) -> None:
        watch = self.watches["services"]
        if not watch.is_known:
            return
        lines = [
            Line(one.name, one.state, state={"died": "failed", "running": "ok"}.get(one.state, "stopped"))
            for one in watch.found
        ]
        died = judge_services(watch.found, "`tapehouse up`, or whoever started it,")
        problems += died
        says = f"{len(died)} died" if died else "as started" if lines else "not those of this checkout"
        state = "failed" if died else "ok" if lines else "empty"
        found["services"] = Box("services", TITLES["services"], state, says, lines)

    def _unknown(self, name: str, title: str) -> Box:
        lost = self._lost(name)
        watch = lost[0] if lost else self.watches[MADE_OF.get(name, (name,))[0]]
        since = f"{datetime.fromtimestamp(watch.since, UTC):%H:%M:%SZ}"
        return Box(name, title, "unknown", f"unknown since {since}: {watch.why}")

    def _lost(self, name: str) -> list[Watch]:
        """The watches of a box that are not known."""
        watches = [self.watches[one] for one in MADE_OF.get(name, (name,))]
        return [watch for watch in watches if not watch.is_known]

    def _unknowns(self) -> list[str]:
        """What is not known, by the reason why."""
        by_reason: dict[str, list[str]] = {}
        for watch in self.watches.values():
            if not watch.is_known:
                by_reason.setdefault(watch.why, []).append(watch.name.replace("_", " "))
        return [f"unknown: {', '.join(names)} ({why})" for why, names in by_reason.items()]


def _sum(problems: list[str]) -> Box:
    state, says = ("failed", "something is wrong") if problems else ("ok", "fine")
    return Box("sum", "Tapehouse", state, says, [Line(problem) for problem in problems])
