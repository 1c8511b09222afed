"""Loading price history: what the raw bucket has and bronze.history has not, line by line, judged once."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import RejectedDataError
from jobs.lake.history_objects import describe, find_sidecars, read_objects
from jobs.lake.history_tables import BRONZE_HISTORY, HISTORY_REJECTED, LOAD
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.settings import Settings
from jobs.lake.settle import exists
from transforms.actions import ACTIONS, check_actions
from transforms.daily import DAILY, check_daily, keep_rejected_lines
from transforms.minutes import MINUTES, check_minutes
from transforms.schemas import conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

# lines in one commit, and objects
LINES_AT_ONCE, OBJECTS_AT_ONCE = 500_000, 500
# a load that rejects more of what it judged, and was not told before, ends with exit code 42
MOST_REJECTED = 0.05
MOST_EXAMPLES, OF_OBJECT = 5, " line 0: "
log = structlog.get_logger()


class Loaded(NamedTuple):
    """What a load did: objects, those without a line among them, and lines by what became of them.

    `copies` are equal lines of one object but the first, `headers` the first lines and their repetitions; `refused` are
    the objects that were not taken at all. Of the rejected lines `told_before` were in an earlier object of the same
    vendor, dataset and symbol: they are kept aside again, and are no news.
    """

    objects: int = 0
    empty: int = 0
    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    told_before: int = 0
    copies: int = 0
    headers: int = 0
    refused: int = 0
    examples: tuple[str, ...] = ()


def load_history(
    settings: Settings, *, first: date | None = None, last: date | None = None, **how: Any
) -> Loaded:
    """Load every object that was fetched in [first, last), by default ever, and is not loaded yet."""
    with job_run(
        LOAD, settings, (BRONZE_HISTORY, HISTORY_REJECTED), first=str(first), last=str(last), **how
    ) as run:
        configuration = Configuration(run.spark, settings, read_facts(settings))
        described = keep(describe(find_sidecars(run.spark, settings)))
        new = _new_objects(run, described, first, last)
        loaded = Loaded()
        try:
            for keys in _portions(new):
                loaded = _add(loaded, _load(run, described, keys, configuration))
                log.info("history_loaded", objects=loaded.objects, of=len(new), lines=loaded.lines)
                run.may_go_on(f"{loaded.objects} of {len(new)} objects")
        except Exception as error:
            # what is loaded by now no later load judges
            log.error("history_load_broke_off", objects=loaded.objects, of=len(new), error=str(error))
            _refuse_if_bad(loaded)
            raise
        release(described)
        _refuse_if_bad(loaded)
    return loaded


def _new_objects(
    run: JobRun, described: "DataFrame", first: date | None, last: date | None
) -> list[tuple[str, int]]:
    """Keys and numbers of lines of the tables that bronze does not hold, oldest fetch first."""
    from pyspark.sql import functions as F

    day = F.to_date("fetched_at")
    wanted = described.where(F.col("object").isNotNull())
    wanted = wanted if first is None else wanted.where(day >= F.lit(first))
    wanted = wanted if last is None else wanted.where(day < F.lit(last))
    if exists(run, BRONZE_HISTORY):
        known = read.table(run.spark, BRONZE_HISTORY, run.settings).where("row = 0").select("object")
        wanted = wanted.join(known, on="object", how="left_anti")
    return [(row.object, row.lines) for row in wanted.orderBy("fetched_at", "object").collect()]


def _portions(objects: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """Cut into what is loaded by one commit."""
    keys, lines = list[str](), 0
    for key, count in objects:
        if keys and (lines + count > LINES_AT_ONCE or len(keys) == OBJECTS_AT_ONCE):
            yield keys
            keys, lines = [], 0
        keys.append(key)
        lines += count
    if keys:
        yield keys


def _load(run: JobRun, described: "DataFrame", keys: list[str], configuration: Configuration) -> Loaded:
    """One commit of rejected lines, if there are any, then one of all lines: a load that died goes on where it was."""
    from pyspark.sql import functions as F

    root = run.settings.raw_url.replace("s3://", "s3a://")
    rows = keep(read_objects(described.where(F.col("object").isin(keys)), root=root, keys=keys))
    checked = keep(_judge(rows.drop("violations"), configuration))
    refused = rows.where((F.col("row") == 0) & (F.size("violations") > 0))
    rejected = keep_rejected_lines(checked).unionByName(
        refused.transform(conform, schema=HISTORY_REJECTED.schema)
    )
    news = checked.where(F.size("violations") > 0)
    if exists(run, HISTORY_REJECTED):
        already = read.table(run.spark, HISTORY_REJECTED, run.settings)
        rejected = rejected.join(already, on=["object", "row"], how="left_anti")
        news = _not_told(news, already.where(~F.col("object").isin(keys)))
    news = keep(news)
    if not rejected.isEmpty():
        run.append(rejected, HISTORY_REJECTED, rows=0, objects=len(keys))
    of_lines = checked.groupBy("object").agg(
        F.min("session").alias("first_session"),
        F.max("session").alias("last_session"),
        F.count_if(F.size("violations") == 0).cast("int").alias("accepted"),
    )
    with_spans = rows.join(
        F.broadcast(of_lines.withColumn("row", F.lit(0))), on=["object", "row"], how="left"
    )
    loaded = _count(rows, checked, refused, news)
    run.append(
        with_spans.transform(conform, schema=BRONZE_HISTORY.schema),
        BRONZE_HISTORY,
        rows=loaded.lines,
        objects=len(keys),
    )
    for frame in (rows, checked, news):
        release(frame)
    return loaded


def _judge(told: "DataFrame", configuration: Configuration) -> "DataFrame":
    """Every line with the rules that it breaks, and its day."""
    known = {"listings": configuration.listings, "sessions": configuration.sessions}
    judged = [*HISTORY_REJECTED.schema.names, "session"]
    daily, minutes = check_daily(told, **known), check_minutes(told, **known)
    actions = check_actions(told, listings=configuration.listings)
    return daily.select(*judged).unionByName(minutes.select(*judged)).unionByName(actions.select(*judged))


def _not_told(rejected: "DataFrame", before: "DataFrame") -> "DataFrame":
    """The lines that are in no earlier object of the same vendor, dataset and symbol: of the same folder.

    A line that names no day is news each time: an answer of nothing else would be no failure ever again.
    """
    from pyspark.sql import functions as F

    folder = F.regexp_replace("object", "/[^/]*$", "")
    told = before.select(folder.alias("folder"), "line").distinct()
    of_day = F.when(F.col("session").isNotNull(), folder)
    return rejected.withColumn("folder", of_day).join(told, on=["folder", "line"], how="left_anti")


def _count(rows: "DataFrame", checked: "DataFrame", refused: "DataFrame", news: "DataFrame") -> Loaded:
    from pyspark.sql import functions as F

    is_refused = (F.col("row") == 0) & (F.size("violations") > 0)
    of_objects = rows.agg(
        F.count_if(F.col("row") == 0).alias("objects"),
        F.count_if(is_refused).alias("refused"),
        F.count_if((F.col("row") == 0) & F.col("header").isNull() & ~is_refused).alias("empty"),
        F.count_if(F.col("row") > 0).alias("lines"),
        F.count_if((F.col("row") > 0) & F.col("dataset").isin(DAILY, MINUTES, ACTIONS)).alias("to_judge"),
    ).first()
    # equal lines of an object have the same fate; their hash is compared in one step
    distinct = checked.groupBy("object", F.xxhash64("line").alias("line")).agg(
        F.count("*").alias("copies"), F.any_value(F.size("violations") == 0).alias("is_accepted")
    )
    of_lines = distinct.agg(
        F.count_if("is_accepted").alias("accepted"),
        F.count_if(~F.col("is_accepted")).alias("rejected"),
        F.coalesce(F.sum(F.col("copies") - 1), F.lit(0)).alias("copies"),
    ).first()
    assert of_objects is not None
    assert of_lines is not None
    judged = of_lines.accepted + of_lines.rejected + of_lines.copies
    worst = refused.select("object", "row", "violations").limit(3).collect()
    worst += news.orderBy("object", "row").limit(3).collect()
    return Loaded(
        of_objects.objects,
        of_objects.empty,
        of_objects.lines,
        of_lines.accepted,
        of_lines.rejected,
        of_lines.rejected - news.select("object", "line").distinct().count(),
        of_lines.copies,
        of_objects.to_judge - judged,
        of_objects.refused,
        tuple(_example(row) for row in worst),
    )


def _example(row: "Row") -> str:
    return f"{row.object} line {row.row}: {', '.join(row.violations)}"


def _add(one: Loaded, other: Loaded) -> Loaded:
    sums = {name: getattr(one, name) + getattr(other, name) for name in Loaded._fields if name != "examples"}
    # what was refused as a whole is told first
    examples = sorted(one.examples + other.examples, key=lambda example: OF_OBJECT not in example)
    return Loaded(**sums, examples=tuple(examples[:MOST_EXAMPLES]))


def _refuse_if_bad(loaded: Loaded) -> None:
    """Everything is kept; but somebody has to look at it."""
    new = loaded.rejected - loaded.told_before
    judged = loaded.accepted + new
    is_nothing = not loaded.lines or (judged and not loaded.accepted)
    if not loaded.objects or not (loaded.refused or is_nothing or new > MOST_REJECTED * judged):
        return
    raise RejectedDataError(
        "an object is not what it should be"
        if loaded.refused
        else "too little of the history could be accepted",
        found=f"{loaded.accepted:,} of {judged:,} lines accepted, {loaded.refused} objects refused, "
        f"{loaded.empty} empty; " + "; ".join(loaded.examples),
        remedy=f"look at {HISTORY_REJECTED.name}, and at the objects that it names",
    )
