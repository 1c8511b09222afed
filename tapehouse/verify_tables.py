"""The tables that are verified: each at the version of the newest end that all of them have recorded."""

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.lake.progress import Commit, Offsets, exceeds, recorded_ends, smallest
from tapehouse.delta import LOG, MERGED, NEWEST_BARS, commits, open_table

if TYPE_CHECKING:
    import duckdb

    from jobs.lake.settings import Settings

BATCH_TABLES = ("bronze.quotes", "silver.quotes", "silver.rejected", LOG)
History = list[tuple[int, Commit | None]]


class TablesAsRecorded:
    """The tables loaded into DuckDB, and the newest bar of each key: `bar`, `merged_bar`."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", settings: "Settings") -> None:
        opened = {name: open_table(name, settings) for name in (*BATCH_TABLES, MERGED)}
        history = {name: commits(table) for name, table in opened.items()}
        known = {name: [commit for _, commit in found if commit] for name, found in history.items()}
        topic = next((commit.topic for commit in known["bronze.quotes"]), "")
        ends = recorded_ends({name: known[name] for name in BATCH_TABLES}, topic=topic)
        end = smallest(ends.values())
        for name, table in opened.items():
            table.load_as_version(_newest_within(history[name], end, topic))
            connection.register("incoming", table.to_pyarrow_dataset())
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
            connection.unregister("incoming")
        # as readers see it, and the merged table by itself with only what the log holds beyond it
        merged = _merged_sequence(history[MERGED], opened[MERGED].version())
        unmerged = f"(SELECT * FROM {LOG} WHERE sequence > {merged})"
        for name, log in (("bar", LOG), ("merged_bar", unmerged)):
            connection.execute(f"CREATE TABLE {name} AS {NEWEST_BARS.format(merged=MERGED, log=log)}")
        self.above = sum(ends["bronze.quotes"].values()) - sum(end.values())
        self.in_ranges = _sum_of_ranges(history["bronze.quotes"], opened["bronze.quotes"].version())


def _newest_within(history: History, end: Offsets, topic: str) -> int:
    """The newest version before the first whose recorded end is beyond `end`."""
    beyond = [
        version
        for version, commit in history
        if commit and commit.topic == topic and exceeds(commit.end, end)
    ]
    return min(beyond) - 1 if beyond else history[0][0]


def _merged_sequence(history: History, newest: int) -> int:
    """How far of the log is in the merged table, as its merges up to a version say."""
    merges = [
        commit for version, commit in history if commit and commit.kind == "merge" and version <= newest
    ]
    return max((commit.sequence or 0 for commit in merges), default=0)


def _sum_of_ranges(history: History, newest: int) -> int | None:
    """The messages in the batch commits up to a version, as they say; None where the log's beginning is gone."""
    if history[-1][0] != 0:
        return None
    batches = [
        commit for version, commit in history if commit and commit.kind == "batch" and version <= newest
    ]
    # `end` repeats the partitions of earlier batches: only those that the batch had are its range
    ranges = [replace(c, end={p: offset for p, offset in c.end.items() if p in c.start}) for c in batches]
    return sum(sum(c.end.values()) - sum(c.start.values()) for c in ranges)
