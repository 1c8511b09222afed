"""The health in a real browser: what falls silent, stops, pauses or dies turns its box within seconds."""

import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.lake.heartbeats import Heartbeats
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.postgres import Connection
from tests.web.browser import becomes, says, says_no_more
from tests.web.conftest import Served
from tests.web.driver import driver
from tests.web.lake import PageLake, live_bar

if TYPE_CHECKING:
    from playwright.sync_api import Page

Look = Callable[..., "Page"]


def test_a_feed_that_falls_silent_turns_late(look: Look, lake: PageLake) -> None:
    page = look()
    nearly_late = datetime.now(UTC) - timedelta(minutes=4, seconds=56)
    lake.commit(live_bar(nearly_late))
    says(page, "#list", "X")
    page.locator("#box-stream_tables:not([data-state=late])").wait_for(timeout=2_000)
    becomes(page, "#box-stream_tables", "late", seconds=10)
    says(page, "#problems", "gold.bars_1m is late by")
    becomes(page, "#sum", "failed", seconds=3)


def test_a_producer_that_died_turns_the_feed_late(look: Look, lake: PageLake) -> None:
    page = look()
    lake.commit(live_bar(datetime.now(UTC)))
    beat = "INSERT INTO heartbeats (topic, producer, host, pid) VALUES (%s, 'yahoo', 'elsewhere', 1)"
    with closing(Heartbeats(lake.settings)), closing(Connection(lake.settings)) as ledger:
        ledger.execute(beat, (lake.settings.topic,))
        becomes(page, "#box-feed", "ok", seconds=6)
        ledger.execute(
            "UPDATE heartbeats SET beat_at = now() - interval '26 s' WHERE topic = %s", (lake.settings.topic,)
        )
        becomes(page, "#box-feed", "late", seconds=6)
        says(page, "#problems", "no producer of yahoo")
        ledger.execute("DELETE FROM heartbeats WHERE topic = %s", (lake.settings.topic,))


def test_a_job_that_stopped_is_seen_within_seconds(look: Look, lake: PageLake) -> None:
    page, settings = look(), lake.settings
    with closing(Ledger(settings)) as ledger:
        with ledger.run("stream_quotes", topic=settings.topic):
            ledger.mark_ready()
            with closing(Lease(settings, settings.topic, run_id=ledger.run_id)) as lease:
                lease.acquire()
                becomes(page, "#box-job", "ok", seconds=4)
        becomes(page, "#box-job", "stopped", seconds=4)
    with (
        closing(Ledger(settings)) as ledger,
        pytest.raises(OSError, match="no room"),
        ledger.run("stream_quotes", topic=settings.topic),
    ):
        raise OSError("no room")
    becomes(page, "#box-job", "failed", seconds=4)
    says(page, "#box-job", "no room")


@pytest.mark.long
def test_a_driver_that_is_paused_is_seen_within_seconds(look: Look, lake: PageLake) -> None:
    page = look()
    with driver(lake) as process, closing(Connection(lake.settings)) as ledger:
        becomes(page, "#box-job", "ok", seconds=4)
        process.send_signal(signal.SIGSTOP)
        # as if it had been stopped for eleven seconds
        age = "UPDATE leases SET renewed_at = renewed_at - interval '11 s' WHERE table_group = %s"
        ledger.execute(age, (lake.settings.topic,))
        becomes(page, "#box-job", "late", seconds=10)
        says(page, "#box-job", "paused")
        process.send_signal(signal.SIGCONT)
        becomes(page, "#box-job", "ok", seconds=8)


def test_a_page_server_that_is_paused_or_killed_is_down_within_five_seconds(look: Look, few: Served) -> None:
    page = look(of=few)
    becomes(page, "#connection", "ok", seconds=3)
    few.signal(signal.SIGSTOP)
    becomes(page, "#connection", "down", seconds=5)
    assert page.locator("#box-job").get_attribute("data-state") == "unknown"
    few.signal(signal.SIGCONT)
    becomes(page, "#connection", "ok", seconds=20)
    says_no_more(page, "#box-job summary", "unknown", seconds=10)
    few.program.kill()
    becomes(page, "#connection", "down", seconds=5)
    says(page, "#connection", "no word from the page's server")
    few.start()
    becomes(page, "#connection", "ok", seconds=30)


@pytest.mark.long
def test_the_age_of_a_row_that_was_filtered_away_has_grown(look: Look, lake: PageLake) -> None:
    lake.commit(live_bar(datetime.now(UTC) - timedelta(seconds=20)))
    page = look()
    row = "#list li:has(.name:text-is('X'))"
    says(page, f"{row} .age", " s")
    page.locator("#find").fill("MSFT")
    page.wait_for_timeout(1_500)
    page.locator("#find").fill("")
    age = page.locator(f"{row} .age")
    before = age.inner_text()
    says_no_more(page, f"{row} .age", before)
