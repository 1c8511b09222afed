"""The tables that are verified: each at the version of the newest end that all of them have recorded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.lake.progress import Commit, Offsets, exceeds, recorded_ends, smallest
from tapehouse.delta import LOG, MERGED, NEWEST_BARS, commits, open_table

if TYPE_CHECKING:
    import duckdb

    from jobs.lake.settings import Settings

BATCH_TABLES = ("bronze.quotes", "silver.quotes", "silver.rejected", LOG)
History = list[tuple[int, Commit | None]]


@dataclass(frozen=True)
class Ranges:
    """What the commits of bronze say that they wrote: messages, and per partition the first offset of the first."""

    first_version: int
    messages: int
    first: dict[tuple[str, int], int]

    def as_values(self) -> str:
        """Rows of SQL; one that no message matches where nothing was written."""
        rows = [f"('{topic}', {partition}, {start})" for (topic, partition), start in self.first.items()]
        return ", ".join(rows) or "('', -1, 0)"


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
        self.ranges = _ranges(history["bronze.quotes"], opened["bronze.quotes"].version())


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


def _ranges(history: History, newest: int) -> Ranges:
    """The batches' own ranges up to a version, as far back as the log goes."""
    first: dict[tuple[str, int], int] = {}
    messages = 0
    for version, commit in sorted(history, key=lambda found: found[0]):
        if commit and commit.kind == "batch" and version <= newest:
            for partition, start in commit.start.items():
                first.setdefault((commit.topic, partition), start)
                messages += commit.end[partition] - start
    return Ranges(history[-1][0], messages, first)
