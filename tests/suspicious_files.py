"""python -m tests.suspicious_files: which errors of yfinance_repair are flagged, as the table of docs/guarantees.md.

Most files of known-bad prices have the repaired truth beside them: where they differ there is an error.
TAPEHOUSE_MARKET_DATA names the folder that yfinance_repair is in.
"""

import csv
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

PRICES = ("Open", "High", "Low", "Close")
BARS = (
    "instrument_id string, session date, open decimal(28,12), high decimal(28,12), low decimal(28,12), "
    "close decimal(28,12), volume long, adj_close double, flags array<string>"
)
ACTIONS = (
    "instrument_id string, ex_date date, kind string, amount decimal(28,12), ratio double, "
    "flags array<string>"
)
# at the end of the name of a repaired file
FIXED = "-fixed"
Line = dict[str, Any]


class Verdict(NamedTuple):
    """A kind of error in a file: how many rows have it, how many are flagged by what, and what else is flagged."""

    file: str
    error: str
    wrong: int
    found: int
    by: str
    others: str


def verdicts(spark: "SparkSession", folder: Path) -> list[Verdict]:
    """One for each file and kind of error, in order."""
    from transforms.action_suspicion import flag_actions
    from transforms.suspicion import flag_bars

    files = {path.stem: read_lines(path) for path in sorted(folder.glob("*.csv"), key=_beside)}
    rows = [bar for name, lines in files.items() for bar in bars_of(name, lines)]
    bars = spark.createDataFrame(rows, BARS)
    rows = [action for name, lines in files.items() for action in actions_of(name, lines)]
    actions = spark.createDataFrame(rows, ACTIONS)
    flagged = [
        *bars.transform(flag_bars, actions=actions).where("size(flags) > 0").collect(),
        *actions.transform(flag_actions, bars=bars).where("size(flags) > 0").collect(),
    ]
    return [
        verdict
        for name, lines in files.items()
        for verdict in judge(name, lines, files.get(f"{name}{FIXED}"), flagged)
    ]


def _beside(path: Path) -> tuple[str, str]:
    """In order of their names, the repaired one behind the bad one."""
    return path.stem.removesuffix(FIXED), path.stem


def judge(name: str, lines: list[Line], fixed: list[Line] | None, flagged: "Iterable[Row]") -> list[Verdict]:
    mine = [row.asDict() for row in flagged if row.instrument_id == name]
    told = [(row.get("session") or row.get("ex_date"), "ex_date" in row, row["flags"]) for row in mine]
    wrong = {} if name.endswith(FIXED) else known_errors(lines, fixed)
    made = []
    of_errors = set()
    for error, (days, of_actions) in wrong.items():
        hits = [(day, flags) for day, is_action, flags in told if is_action == of_actions and day in days]
        of_errors |= {(day, of_actions) for day in days}
        by = Counter(flag for _, flags in hits for flag in flags)
        made.append((error, len(days), len(hits), by))
    other = Counter(
        flag for day, is_action, flags in told if (day, is_action) not in of_errors for flag in flags
    )
    made = made or [("none", 0, 0, Counter())]
    return [Verdict(name, *numbers, shown(by), shown(other)) for *numbers, by in made]


def shown(counted: Counter[str]) -> str:
    return ", ".join(f"{flag} {count}" for flag, count in sorted(counted.items())) or "-"


def known_errors(lines: list[Line], fixed: list[Line] | None) -> dict[str, tuple[set[date], bool]]:
    """The days that are wrong by what is wrong there, and whether it is the day's action."""
    if fixed is None:
        return _impossible(lines)
    errors: dict[str, tuple[set[date], bool]] = {}
    for n, (line, right) in enumerate(zip(lines, fixed, strict=True)):
        factor = max((right[name] / line[name] for name in PRICES), key=lambda each: abs(math.log(each)))
        if abs(factor - 1) > 0.01:
            kind = "price in the other unit" if 90 < factor < 110 else "price not adjusted for the split"
            errors.setdefault(kind, (set(), False))[0].add(line["day"])
        if line["Dividends"] != right["Dividends"]:
            errors.setdefault("dividend that was not paid", (set(), True))[0].add(line["day"])
        elif n and abs(_step(lines, n) - _step(fixed, n)) > 1e-3:
            errors.setdefault("dividend not in the adjusted close", (set(), True))[0].add(line["day"])
    return errors


def _impossible(lines: list[Line]) -> dict[str, tuple[set[date], bool]]:
    """What needs no repaired truth: an adjusted close is positive, not above the close, and falls by a dividend."""
    priced = [line for line in lines if not math.isnan(line["Close"])]
    wrong = {line["day"] for line in priced if not 0 < line["Adj Close"] <= 1.01 * line["Close"]}
    other = {
        line["day"]
        for n, line in enumerate(priced)
        if n
        and (paid := line["Dividends"] / priced[n - 1]["Close"]) > 0.002
        and not abs(_step(priced, n) - (1 - paid)) <= paid / 2
    }
    found = {"adjusted close impossible": (wrong, False), "dividend not in the adjusted close": (other, True)}
    return {error: days for error, days in found.items() if days[0]}


def _step(lines: list[Line], n: int) -> float:
    """By how much a row's action has adjusted the row before it."""
    before, line = lines[n - 1], lines[n]
    return float(before["Adj Close"] / before["Close"] / (line["Adj Close"] / line["Close"]))


def read_lines(path: Path) -> list[Line]:
    """The rows of a file that have prices, oldest first; `day` counts them, where they are not days."""
    with path.open() as file:
        told = [{k or "": v for k, v in row.items()} for row in csv.DictReader(file)]
    rows = sorted(told, key=lambda row: row.get("Date") or row["Datetime"])
    lines = []
    for n, row in enumerate(rows):
        stamp = row.get("Date") or row["Datetime"]
        day = date.fromisoformat(stamp[:10]) if "-1d-" in path.name else date(2000, 1, 1) + timedelta(n)
        numbers = {
            name: float(row[name] or "nan")
            for name in (*PRICES, "Adj Close", "Volume", "Dividends", "Stock Splits")
        }
        lines.append({"day": day} | numbers)
    return lines


def bars_of(name: str, lines: list[Line]) -> list[tuple[Any, ...]]:
    """The bars as they were traded: Yahoo has adjusted them for all splits after them."""
    made = []
    for line in lines:
        if math.isnan(line["Close"]):
            continue
        factor = _later_splits(lines, line["day"])
        prices = [Decimal(f"{line[each] * factor:.12f}") for each in PRICES]
        volume, adjusted = int(line["Volume"] / factor), line["Adj Close"] * factor
        made.append((name, line["day"], *prices, volume, adjusted, []))
    return made


def actions_of(name: str, lines: list[Line]) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = []
    for line in lines:
        day, paid, ratio = line["day"], line["Dividends"], line["Stock Splits"]
        if ratio:
            made.append((name, day, "split", None, ratio, []))
        if paid:
            made.append((
                name,
                day,
                "dividend",
                Decimal(f"{paid * _later_splits(lines, day):.12f}"),
                None,
                [],
            ))
    return made


def _later_splits(lines: list[Line], day: date) -> float:
    return math.prod(line["Stock Splits"] for line in lines if line["day"] > day and line["Stock Splits"])


def markdown(found: Iterable[Verdict]) -> str:
    rows = [
        "| file | known error | rows wrong | of these flagged | by | flags on other rows |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    rows += [f"| {' | '.join(map(str, verdict))} |" for verdict in found]
    return "\n".join(rows)


def main() -> int:
    from pyspark.sql import SparkSession

    folder = os.environ.get("TAPEHOUSE_MARKET_DATA")
    if not folder:
        print("TAPEHOUSE_MARKET_DATA is not set: name the folder that yfinance_repair is in", file=sys.stderr)
        return 2
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    print(markdown(verdicts(spark, Path(folder) / "yfinance_repair")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
