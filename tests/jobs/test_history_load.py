"""Files to bronze.history and on to versions of daily bars: whatever the order, however often, whatever is wrong."""

import itertools
import random
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import history_load
from jobs.lake.errors import NoDataError, RejectedDataError
from jobs.lake.history_load import Loaded
from jobs.lake.history_tables import LOAD
from jobs.lake.postgres import Connection
from tapehouse.vendors import s3_client
from tests.jobs.captured import HEADER, built, captured, days, imported, loaded
from tests.stack import Stack

VERSIONS = """SELECT instrument_id, session, known_from, known_to, close, volume, array_to_string(flags, ' ') AS flags
FROM silver.bars_1d ORDER BY 1, 2, 3"""


@pytest.mark.longest
def test_a_later_capture_makes_a_version_where_it_tells_otherwise(raw: Stack, tmp_path: Path) -> None:
    imported(
        captured(tmp_path, "03", days("AA 03 10 100", "BB 03 5 7")),
        captured(tmp_path, "04", days("AA 03 10 120", "AA 04 11 50", "BB 03 5.00 7")),
        captured(tmp_path, "05", days("AA 03 10 120", "AA 04 11 50")),
    )
    counts = loaded(raw)
    assert (counts.objects, counts.accepted, counts.rejected, counts.headers) == (3, 7, 0, 3)
    assert built(raw).inserted == 4
    times = ["2017-01-03T22:00:00Z", "2017-01-04T22:00:00Z"]
    found = [tuple(row.values()) for row in raw.sql(VERSIONS)]
    assert found == [
        ("pystock:AA", "2017-01-03", times[0], times[1], "10.000000000000", "100", ""),
        ("pystock:AA", "2017-01-03", times[1], "", "10.000000000000", "120", ""),
        ("pystock:AA", "2017-01-04", times[1], "", "11.000000000000", "50", ""),
        ("pystock:BB", "2017-01-03", times[0], "", "5.000000000000", "7", ""),
    ]
    # again: nothing is loaded, and nothing is written
    assert loaded(raw).objects == 0
    again = built(raw)
    assert (again.untouched, again.version) == (4, None)


@pytest.mark.longest
def test_the_order_of_loading_does_not_matter(raw: Stack, tmp_path: Path) -> None:
    tables = {f"{day:02d}": days(f"AA 03 10 {100 + day % 3}", f"AA 04 {day} 5") for day in range(4, 7)}
    files = {day: captured(tmp_path, day, table) for day, table in tables.items()}
    order = list(files)
    random.Random(3).shuffle(order)
    for day in order:
        imported(files[day])
        loaded(raw)
        built(raw)
    one_by_one = raw.sql(VERSIONS)
    volumes = [row["volume"] for row in one_by_one if row["session"] == "2017-01-03"]
    assert volumes == [str(100 + day % 3) for day in range(4, 7)]
    for before, after in itertools.pairwise(one_by_one[:3]):
        assert before["known_to"] == after["known_from"]


@pytest.mark.long
def test_what_is_wrong_is_kept_aside_with_its_reason_and_the_rest_is_taken(
    raw: Stack, tmp_path: Path
) -> None:
    good = [f"AA {day:02d} 10 1" for day in range(3, 31)]
    bad = {
        "AA,2017-01-03,1,1,1,1,1": "wrong_field_count",
        "AA,2017-01-03,,,,,,": "no_prices",
        ",2017-01-03,1,1,1,1,1,1": "no_symbol",
        "AA,soon,1,1,1,1,1,1": "session_not_a_date",
        "AA,2017-01-03,1,x,1,1,1,1": "price_not_a_number",
        "AA,2017-01-03,-1,1,1,1,1,1": "price_negative",
        "AA,2017-01-03,1,1,1,12345678901234567,1,1": "price_too_large",
        "AA,2017-01-03,1,1,1,1,1.5,1": "volume_not_whole",
        "AA,2018-01-03,1,1,1,1,1,1": "future",
    }
    table = days(*good) + "\r\n".join([*bad, HEADER, *list(bad)[:1]]).encode()
    imported(captured(tmp_path, "30", table))
    with pytest.raises(RejectedDataError, match="28 of 37 lines accepted"):
        loaded(raw)
    rejected = raw.sql(
        "SELECT line, array_to_string(violations, ' ') AS rules FROM silver.history_rejected ORDER BY row"
    )
    assert [(row["line"], row["rules"]) for row in rejected] == [*bad.items(), next(iter(bad.items()))]
    assert raw.one("SELECT count(*) FROM bronze.history WHERE row > 0") == str(1 + 28 + 9 + 2)
    built(raw)
    assert raw.one("SELECT count(*) FROM silver.bars_1d") == "28"
    assert raw.one("SELECT count(*) FROM silver.bars_1d WHERE list_contains(flags, 'closed_day')") == str(
        sum(date(2017, 1, day).weekday() > 4 or day == 16 for day in range(3, 31))
    )


@pytest.mark.long
def test_a_bad_line_that_is_told_again_is_kept_aside_again_and_fails_no_other_load(
    raw: Stack, tmp_path: Path
) -> None:
    imported(captured(tmp_path, "04", days("AA 03 -1 1")))
    with pytest.raises(RejectedDataError, match="0 of 1 lines accepted"):
        loaded(raw)
    imported(captured(tmp_path, "05", days("AA 03 -1 1", "AA 04 10 1")))
    again = loaded(raw)
    assert (again.accepted, again.rejected, again.told_before) == (1, 1, 1)
    imported(captured(tmp_path, "06", days("AA 03 -2 1", "AA 04 10 1")))
    with pytest.raises(RejectedDataError, match="1 of 2 lines accepted"):
        loaded(raw)
    # what names no day is no line of a day before
    for day in ("09", "10"):
        imported(captured(tmp_path, day, days() + b"AA,soon,1,1,1,1,1,1\r\n"))
        with pytest.raises(RejectedDataError, match="0 of 1 lines accepted"):
            loaded(raw)
    assert raw.one("SELECT count(*) FROM silver.history_rejected") == "5"


@pytest.mark.long
def test_a_load_that_breaks_off_fails_by_what_it_has_rejected_so_far(
    raw: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(captured(tmp_path, "03", days("AA 03 -1 1")), captured(tmp_path, "04", days("AA 04 10 1")))
    load, called = history_load._load, list[Any]()

    def one(*arguments: Any) -> Loaded:
        called.append(arguments)
        if len(called) == 2:
            raise OSError("the store is away")
        return load(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(history_load, "OBJECTS_AT_ONCE", 1)
        patched.setattr(history_load, "_load", one)
        with pytest.raises(RejectedDataError, match="0 of 1 lines accepted"):
            loaded(raw)
    with closing(Connection(raw.settings)) as ledger:
        newest = "SELECT state, exit_code FROM runs WHERE job = %s ORDER BY started_at DESC LIMIT 1"
        assert ledger.execute(newest, (LOAD,)) == [("failed", 42)]
    assert loaded(raw).accepted == 1


@pytest.mark.long
def test_lines_of_one_bar_in_one_object_are_one_telling(raw: Stack, tmp_path: Path) -> None:
    imported(
        captured(tmp_path, "04", days("AA 03 10 1", "AA 03 10 1", "AA 03 11 1", "BB 03 1 1", "BB 03 1 1"))
    )
    counts = loaded(raw)
    assert (counts.accepted, counts.copies) == (3, 2)
    built(raw)
    found = {row["instrument_id"]: (row["close"], row["flags"]) for row in raw.sql(VERSIONS)}
    assert found == {
        "pystock:AA": ("11.000000000000", "conflicting_rows"),
        "pystock:BB": ("1.000000000000", ""),
    }


@pytest.mark.long
def test_an_object_that_was_lost_is_told_and_nothing_is_loaded(raw: Stack, tmp_path: Path) -> None:
    imported(captured(tmp_path, "03", days("AA 03 10 100")))
    client = s3_client(raw.settings)
    (lost,) = [
        one["Key"]
        for one in client.list_objects_v2(Bucket="raw", Prefix=raw.topic)["Contents"]
        if one["Key"].endswith(".csv")
    ]
    client.delete_object(Bucket="raw", Key=lost)
    with pytest.raises(RejectedDataError, match="a sidecar names is not in the raw bucket"):
        loaded(raw)


@pytest.mark.long
def test_an_empty_object_is_recorded_and_its_load_is_exit_code_42(raw: Stack, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="holds no history"):
        loaded(raw)
    imported(captured(tmp_path, "03", b""))
    with pytest.raises(RejectedDataError) as refused:
        loaded(raw)
    assert refused.value.exit_code == 42
    assert raw.one("SELECT count(*) FROM bronze.history") == "1"
    assert loaded(raw).objects == 0
    # beside others it is no failure
    imported(captured(tmp_path, "04", days("AA 04 1 1")), captured(tmp_path, "05", b""))
    counts = loaded(raw)
    assert (counts.objects, counts.empty, counts.accepted) == (2, 1, 1)
