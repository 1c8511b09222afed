"""Price history in memory: what vendors answered, and what the jobs work out of it, without a bucket and Delta."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.kept import keep
from jobs.lake.settings import Settings
from tests.jobs.raw_history import ACTIONS as ACTIONS_HEADER
from tests.jobs.raw_history import BARS as BARS_HEADER
from transforms.actions import ACTIONS, actions_of_bars, check_actions, dividend_versions, split_versions
from transforms.adjust import adjust_bars
from transforms.daily import DAILY, check_daily, daily_versions, fetches_of
from transforms.history_schemas import BRONZE_HISTORY
from transforms.minutes import MINUTES, check_minutes, minute_versions
from transforms.serve_minutes import serve_minutes
from transforms.serving import serve_actions, serve_daily
from transforms.versions import known_at

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

NAMES = BRONZE_HISTORY.names
HEADERS = {
    DAILY: BARS_HEADER,
    ACTIONS: ACTIONS_HEADER,
    MINUTES: "stamp,open,high,low,close,volume",
}
# what a line of Yahoo tells where
TOLD = {
    "actions": {"kind": "event", "timestamp": "date", "amount": "amount", "numerator": "numerator"}
    | {"denominator": "denominator"},
    "bars_1d": {name: name for name in ("timestamp", "open", "high", "low", "close", "volume")},
    "bars_1m": {name: name for name in ("stamp", "open", "high", "low", "close", "volume")},
}


class HistoryLake:
    """Rows of bronze.history, as they were fetched; everything else is worked out of them anew."""

    def __init__(self, spark: "SparkSession", instruments: Path) -> None:
        self._spark, self._rows = spark, list[tuple[Any, ...]]()
        settings = Settings.model_construct(instruments=instruments)
        self._known = Configuration(spark, settings, read_facts(settings))

    def fetched(
        self,
        dataset: str,
        *lines: str,
        at: str,
        covers: tuple[str, str] | None,
        symbol: str = "AAPL",
        source: str = "yahoo",
        instrument: str | None = None,
        accepted: int | None = None,
        **facts: Any,
    ) -> None:
        """One answer with these lines, covering [from, to); `accepted` of them break no rule, all unless told."""
        header = facts.get("header", HEADERS[dataset])
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        key = f"{source}-{dataset}-{symbol}-{at}"
        places = {
            told: header.split(",").index(name) + 1 for told, name in facts.get("told", TOLD[dataset]).items()
        }
        of_all = {
            "object": key,
            "source": source,
            "dataset": dataset,
            "vendor_symbol": symbol,
            "fetched_at": moment,
        }
        of_object = of_all | {
            "row": 0,
            "line": hashlib.sha256(key.encode()).hexdigest(),
            "asked_for": instrument,
            "basis": facts.get("basis", None if dataset == ACTIONS else "split_adjusted"),
            "is_provisional": False,
            "labels": facts.get("labels", "start"),
            "time_zone": facts.get("time_zone", "UTC"),
            "header": header,
            "places": places,
            "covers_from": covers and date.fromisoformat(covers[0]),
            "covers_to": covers and date.fromisoformat(covers[1]),
            "accepted": len(lines) if accepted is None else accepted,
        }
        rows = [of_object, *(of_all | {"row": n, "line": line} for n, line in enumerate((header, *lines), 1))]
        self._rows += [tuple(row.get(name) for name in NAMES) for row in rows]

    def reverse(self) -> None:
        """As if all had been loaded in another order."""
        self._rows.reverse()

    def actions(self) -> "DataFrame":
        """silver.actions."""
        splits, others = self._actions()
        return splits.unionByName(others)

    def bars(self) -> "DataFrame":
        """silver.bars_1d."""
        return self._checked().transform(
            daily_versions,
            fetches=self._answers(DAILY).where("NOT is_empty"),
            splits=self._actions()[0],
            complete=self._answers(ACTIONS),
        )

    def checked_minutes(self) -> "DataFrame":
        """The lines of minute bars, judged."""
        return self._history().transform(
            check_minutes, listings=self._known.listings, sessions=self._known.sessions
        )

    def minutes(self) -> "DataFrame":
        """silver.vendor_bars_1m."""
        return keep(self.checked_minutes()).transform(
            minute_versions,
            fetches=self._answers(MINUTES).where("NOT is_empty"),
            splits=self._actions()[0],
            complete=self._answers(ACTIONS),
        )

    def served_minutes(self, streamed: "DataFrame", at: str = "2100-01-01") -> "DataFrame":
        """gold.minutes as of a moment, beside what was `streamed`."""
        told = self.minutes().transform(known_at, moment=_moment(at))
        return streamed.transform(serve_minutes, told=told, units=self._known.units)

    def served(self, at: str = "2100-01-01") -> "list[Row]":
        """gold.bars_1d as of a moment, in order."""
        return self._served(at).orderBy("instrument_id", "session").collect()

    def adjusted(self, basis: str, at: str = "2100-01-01") -> "list[Row]":
        """One basis of gold.adjusted_bars_1d as of a moment, in order."""
        actions = self.actions().transform(known_at, moment=_moment(at))
        told = keep(actions.transform(serve_actions, units=self._known.units))
        made = keep(self._served(at)).transform(adjust_bars, actions=told)
        return made.where(f"basis = '{basis}'").orderBy("instrument_id", "session").collect()

    def _served(self, at: str) -> "DataFrame":
        return (
            self
            .bars()
            .transform(known_at, moment=_moment(at))
            .transform(serve_daily, units=self._known.units)
        )

    def _actions(self) -> "tuple[DataFrame, DataFrame]":
        in_rows = self._checked().transform(actions_of_bars)
        told = self._history().transform(check_actions, listings=self._known.listings)
        told = keep(told.unionByName(in_rows, allowMissingColumns=True))
        answers = self._answers(ACTIONS)
        fetches = answers.where("NOT is_empty")
        splits = keep(told.transform(split_versions, fetches=fetches))
        return splits, told.transform(dividend_versions, fetches=fetches, splits=splits, complete=answers)

    def _checked(self) -> "DataFrame":
        return keep(
            self._history().transform(
                check_daily, listings=self._known.listings, sessions=self._known.sessions
            )
        )

    def _answers(self, dataset: str) -> "DataFrame":
        return self._history().transform(fetches_of, dataset=dataset)

    def _history(self) -> "DataFrame":
        return self._spark.createDataFrame(self._rows, BRONZE_HISTORY)


def _moment(text: str) -> Any:
    from pyspark.sql import functions as F

    return F.lit(datetime.fromisoformat(text).replace(tzinfo=UTC))
