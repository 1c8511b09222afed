"""Recorded captures of whole quarters, through loading and building, against what was counted without our code."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.captures import compare, lines_of
from tests.jobs.captured import built, imported, loaded
from tests.stack import Stack

pytestmark = pytest.mark.longest


def test_a_capture_that_holds_most_of_its_lines_twice_is_taken(
    raw: Stack, market_data: Path, compiled: None
) -> None:
    del compiled
    (file,) = (market_data / "pystock_daily_captures").glob("20150406*.tar.gz")
    imported(file)
    counts = loaded(raw)
    assert counts.lines == 36_260 + 2
    assert counts.copies == 24_151
    # the header stands in it once more
    assert counts.headers == 2
    built(raw, date(2015, 1, 1), date(2016, 1, 1))
    conflicts = "SELECT count(*) FROM silver.bars_1d WHERE list_contains(flags, 'conflicting_rows')"
    assert raw.one(conflicts) == "8"


def test_the_captures_of_2017_hold_the_versions_that_were_counted_and_what_was_known_on_ten_days(
    raw: Stack, market_data: Path, compiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del compiled
    import json

    answers = json.loads((market_data.parent / "answers" / "revisions_2017q1.json").read_text())
    files = sorted((market_data / "pystock_daily_captures").glob("2017*.tar.gz"))
    imported(*files)
    counts = loaded(raw)
    assert counts.lines - counts.headers == answers["rows_read"]
    assert counts.rejected == 0
    built(raw, date(2016, 1, 1), date(2018, 1, 1))
    (found,) = raw.sql("""
        SELECT count(*) AS bar_versions, count(DISTINCT (instrument_id, session)) AS keys,
            count(DISTINCT instrument_id) AS symbols, count(DISTINCT session) AS sessions,
            count(DISTINCT session) FILTER (list_contains(flags, 'closed_day')) AS closed
        FROM silver.bars_1d""")
    assert found == {name: str(answers[name]) for name in ("bar_versions", "keys", "symbols", "sessions")} | {
        "closed": "3"
    }
    lines, dice = lines_of(files), random.Random(20170203)
    monkeypatch.setattr("tapehouse.known_at.FOLDER", tmp_path / "known")
    days_of_captures = sorted(file.name[:8] for file in files)
    for day in dice.sample(days_of_captures, 10):
        moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(hours=dice.choice((21, 22)))
        counts = compare(raw.settings, lines, moment)
        assert counts["silver.bars_1d"] >= counts["gold.bars_1d"] > 0
