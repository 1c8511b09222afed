"""What is followed against what was received: gold.gaps, and the list of what is to be fetched."""

from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake.check_frames import (
    expected_frame,
    hours_frame,
    streamed_bars,
    untimed_quotes,
    vendor_minutes,
)
from jobs.lake.history_tables import (
    BRONZE_HISTORY,
    COMPLETENESS,
    GOLD_GAPS,
    HISTORY_REJECTED,
    SILVER_BARS_1D,
)
from jobs.lake.instruments import read_instruments
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, settle, stored
from jobs.lake.trading_hours import expected_of, hours_of
from jobs.lake.work_list import FETCH, Work, WorkList
from transforms.answers import answers_of, refused_of
from transforms.gaps import Told, expect_sessions, find_gaps

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = structlog.get_logger()


def check_completeness(
    settings: Settings, *, first: date, last: date, now: datetime | None = None, **how: Any
) -> Settled:
    """Bring the sessions of [first, last) of gold.gaps, those that are over, to what is missing of what is followed.

    The ledger's list of fetches follows: one for each source, instrument, width and session with an open gap.
    """
    with job_run(COMPLETENESS, settings, (GOLD_GAPS,), first=str(first), last=str(last), **how) as run:
        gaps = keep(_find(run, first, last, now or datetime.now(UTC)))
        settled = settle(
            run,
            GOLD_GAPS,
            gaps,
            among=lambda rows: _between(rows, first, last),
            even_empty=True,  # that nothing is missing is an answer
            first=first,
            last=last,
        )
        with closing(WorkList(settings)) as work:
            work.keep(FETCH, _fetches(gaps), first=first, last=last)
            log.info("completeness_checked", **settled._asdict(), **work.counts()[FETCH])
        release(gaps)
    return settled


def _find(run: JobRun, first: date, last: date, now: datetime) -> "DataFrame":
    instruments = read_instruments(run.settings.instruments)
    wanted = expected_of(instruments)
    hours = hours_of({one.calendar for one in wanted}, first=first, last=last, over_by=now)
    expected = expected_frame(run.spark, wanted).transform(
        expect_sessions, hours=hours_frame(run.spark, hours)
    )
    history, rejected = stored(run, BRONZE_HISTORY), stored(run, HISTORY_REJECTED)
    days = stored(run, SILVER_BARS_1D).where("known_to IS NULL AND NOT array_contains(flags, 'closed_day')")
    told = Told(
        days=_between(days, first, last),
        minutes=vendor_minutes(run, first=first, last=last),
        streamed=streamed_bars(run, sessions={part.session for part in hours}),
        untimed=untimed_quotes(run, first=first, last=last),
        answers=history.transform(answers_of, rejected=rejected),
        refused=history.transform(refused_of, rejected=rejected),
    )
    return find_gaps(expected, told=told)


def _fetches(gaps: "DataFrame") -> list[Work]:
    """What a vendor can be asked for: the session of a gap, as days or as minutes."""
    from pyspark.sql import functions as F

    dataset = F.when(F.col("width") == "1 day", "1d").otherwise("1m")
    rows = (
        gaps
        .where("state = 'open'")
        .groupBy("source", "instrument_id", "session", dataset.alias("dataset"))
        .agg(F.array_sort(F.collect_set("cause")).alias("causes"), F.sum("units").alias("units"))
        .collect()
    )
    return [
        Work(
            f"{row.source} {row.instrument_id} {row.dataset} {row.session}",
            row.source,
            row.instrument_id,
            row.session,
            row.dataset,
            f"{row.units} missing: {', '.join(row.causes)}",
        )
        for row in rows
    ]


def _between(rows: "DataFrame", first: date, last: date) -> "DataFrame":

    return rows.where(in_sessions(first, last))
