"""Questions to the layers by their names, now and as they were."""

import json
from datetime import UTC, datetime

import pytest

from tapehouse.delta import commits, open_table
from tests.stack import Stack, call


def test_every_layer_answers_by_its_name(lake: Stack) -> None:
    bronze, silver, rejected, gold, log = (
        int(lake.one(f"SELECT count(*) FROM {table}"))
        for table in ("bronze.quotes", "silver.quotes", "silver.rejected", "gold.bars_1m", "gold.bars_1m_log")
    )
    assert bronze > silver > log >= gold
    # 9 symbols in 3 minutes, and the session before of 2 of them
    assert gold == 9 * 3 + 2
    assert rejected > 0


def test_csv_writes_numbers_to_the_last_digit_and_times_in_utc(lake: Stack) -> None:
    (row,) = lake.sql(
        "SELECT CAST(1.5 AS DECIMAL(18, 6)) AS price, TIMESTAMPTZ '2023-09-05 12:00-04' AS at, null AS x"
    )
    assert row == {"price": "1.500000", "at": "2023-09-05T16:00:00Z", "x": ""}


def test_json_is_a_list_of_objects(lake: Stack) -> None:
    query = "SELECT symbol, volume, is_final, vwap FROM gold.bars_1m WHERE symbol = 'AAPL' ORDER BY bar_start LIMIT 1"
    code, out, _ = call("sql", query, "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["symbol"], type(row["volume"]), type(row["is_final"])) == ("AAPL", int, bool)
    assert row["vwap"] == lake.one(query.replace("symbol, volume, is_final, vwap", "vwap"))


@pytest.mark.usefixtures("lake")
def test_a_table_ends_with_its_number_of_rows() -> None:
    code, out, _ = call("sql", "SELECT symbol FROM gold.bars_1m", "--max-rows", "4")
    assert code == 0
    assert out.splitlines()[-1] == "4 rows, more with --max-rows (shown: 4)"


def test_a_version_is_what_the_table_was(lake: Stack) -> None:
    versions = dict(commits(open_table("silver.quotes", lake.settings)))
    first = min(number for number, commit in versions.items() if commit and commit.kind == "batch")
    count = "SELECT count(*) FROM silver.quotes"
    then, now = (
        int(lake.sql(count, "--as-of", f"silver.quotes={first}")[0]["count_star()"]),
        int(lake.one(count)),
    )
    assert 0 < then < now
    assert lake.sql(count, "--as-of", "silver.quotes=0")[0]["count_star()"] == "0"


def test_a_time_is_what_all_tables_were(lake: Stack) -> None:
    tables = ("bronze.quotes", "silver.quotes", "gold.bars_1m_log")
    written = [
        sorted(entry["timestamp"] for entry in history if '"kind": "batch"' in str(entry["userMetadata"]))
        for history in (open_table(table, lake.settings).history() for table in tables)
    ]
    # all commits of the first batch are done before the second batch begins its own
    at = datetime.fromtimestamp(max(first for first, _ in written) / 1000, UTC).isoformat()
    for table in ("bronze.quotes", "silver.quotes", "gold.bars_1m"):
        count = f"SELECT count(*) AS n FROM {table}"
        assert 0 < int(lake.sql(count, "--as-of", at)[0]["n"]) < int(lake.one(count))


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["select * from gold.barz"], "the tables are bronze.quotes"),
        (["select nothing from gold.bars_1m"], '"nothing" not found'),
        (["selec 1"], "only questions are answered here"),
        (["delete from gold.bars_1m"], "only questions are answered here"),
        (["select 1 +"], "cannot be answered"),
        (["select cast('x' as int)"], "cannot be answered"),
        (["select * from read_csv('/etc/passwd')"], "disabled"),
        (["select 1", "--as-of", "yesterday"], "found: yesterday"),
        (["select 1", "--as-of", "gold.bars_1m=x"], "found: gold.bars_1m=x"),
        (["select 1", "--as-of", "gold.barz=1"], "there is no table gold.barz"),
        (["select 1", "--as-of", "gold.bars_1m=99999"], "has no version 99999"),
        (["select 1", "--as-of", "2001-01-01"], "did not exist at 2001-01-01"),
        (["select 1", "--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_exit_code_2(arguments: list[str], message: str) -> None:
    code, out, err = call("sql", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_an_empty_lake_says_that_there_are_no_tables(stack: Stack) -> None:
    code, _, err = call("sql", "select * from gold.bars_1m")
    assert code == 2
    assert "none yet" in err
    assert stack.topic
