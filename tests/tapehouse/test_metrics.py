"""What the exporter says of a lake that a stream has made, beside what the tables themselves say."""

import re

from tests.stack import Stack, call


def test_what_a_drained_stream_left_is_measured(lake: Stack) -> None:
    code, out, err = call("metrics", "--once")
    assert code == 0, err

    def shown(metric: str) -> dict[str, float]:
        """The values of a metric by its labels, as they stand there."""
        found = re.findall(rf"^{metric}(?:\{{(.*)\}})? (\S+)$", out, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def counted(query: str) -> float:
        return float(lake.one(query))

    messages = counted("SELECT count(*) FROM bronze.quotes")
    assert shown("tapehouse_messages_total") == {"": messages}
    assert sum(shown("tapehouse_kafka_lag_messages").values()) == 0
    assert shown("tapehouse_batches_total")[""] > 1
    rows = shown("tapehouse_table_rows")
    for table in ("bronze.quotes", "silver.quotes", "silver.rejected"):
        assert rows[f'table="{table}"'] == counted(f"SELECT count(*) FROM {table}")
    newest = shown("tapehouse_table_newest_timestamp_seconds")
    assert newest['table="silver.quotes"'] == counted("SELECT epoch(max(event_time)) FROM silver.quotes")
    by_rule = "SELECT unnest(violations) AS rule, count(*) AS rows FROM silver.rejected GROUP BY 1"
    assert shown("tapehouse_rows_rejected_total") == {
        f'rule="{row["rule"]}",table="silver.rejected"': float(row["rows"]) for row in lake.sql(by_rule)
    }
    assert shown("tapehouse_stream_up") == {"": 0}
