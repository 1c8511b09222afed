"""The objects of the raw bucket as rows of bronze.history: sidecars, and the lines of the tables that they name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.lake.errors import NoDataError, RejectedDataError, TapehouseError
from jobs.lake.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

SIDECAR = ".fetch.json"
# where the vendors' own tables say what; an import's sidecar names its columns itself
COLUMNS = {
    ("yahoo", "bars_1d"): "timestamp=timestamp,open=open,high=high,low=low,close=close,volume=volume,"
    "adj_close=adjclose",
    ("yahoo", "bars_1m"): "timestamp=timestamp,open=open,high=high,low=low,close=close,volume=volume",
    (
        "yahoo",
        "actions",
    ): "kind=event,timestamp=date,amount=amount,numerator=numerator,denominator=denominator",
    ("alpha_vantage", "bars_1d"): "session=timestamp,open=1. open,high=2. high,low=3. low,close=4. close,"
    "volume=5. volume",
    ("alpha_vantage", "bars_1m"): "stamp=timestamp,open=1. open,high=2. high,low=3. low,close=4. close,"
    "volume=5. volume",
}
TOLD = """source STRING, dataset STRING, instrument_id STRING, vendor_symbol STRING, basis STRING,
    instruments STRING, labels STRING, time_zone STRING, columns STRING, request_id STRING, fetched_at STRING,
    covers ARRAY<STRING>,
    `table` STRUCT<key: STRING, sha256: STRING, rows: INT>"""
FACTS = (
    "asked_for",
    "basis",
    "is_provisional",
    "labels",
    "time_zone",
    "header",
    "places",
    "covers_from",
    "covers_to",
)


def find_sidecars(spark: "SparkSession", settings: Settings) -> "DataFrame":
    """Every sidecar of the raw bucket: `told`, its JSON as text."""
    from pyspark.sql import functions as F

    root = f"{settings.raw_url.replace('s3://', 's3a://')}/history"
    files = _binary(spark, [root], _no_history, pathGlobFilter=f"*{SIDECAR}", recursiveFileLookup="true")
    return files.select(F.col("content").cast("string").alias("told"))


def describe(sidecars: "DataFrame") -> "DataFrame":
    """What the sidecars say, as columns of bronze.history, with the `sha256` and the number of `lines` of the table.

    `named` are its columns by what they tell.
    """
    from pyspark.sql import functions as F

    read = sidecars.withColumn("s", F.from_json("told", TOLD))
    plain = ("source", "dataset", "vendor_symbol", "basis", "labels", "request_id")
    return read.select(
        "told",
        F.col("s.table.key").alias("object"),
        F.col("s.table.sha256").alias("sha256"),
        F.coalesce("s.table.rows", F.lit(0)).alias("lines"),
        F.str_to_map(F.coalesce("s.columns", _columns_of_vendor()), F.lit(","), F.lit("=")).alias("named"),
        *[F.col(f"s.{name}").alias(name) for name in plain],
        F.col("s.instrument_id").alias("asked_for"),
        F.coalesce(F.col("s.instruments") == "provisional", F.lit(False)).alias("is_provisional"),
        F.coalesce("s.time_zone", F.lit("UTC")).alias("time_zone"),
        F.to_timestamp("s.fetched_at").alias("fetched_at"),
        *[
            F.to_date(F.try_element_at("s.covers", F.lit(n))).alias(f"covers_{end}")
            for n, end in ((1, "from"), (2, "to"))
        ],
    )


def read_objects(described: "DataFrame", *, root: str, keys: list[str]) -> "DataFrame":
    """The rows of bronze.history of the objects with these keys below `root`, but for their first and last session.

    Row 0 has `violations`: a table that is not what was fetched, or lacks a column, has no lines.
    """
    from pyspark.sql import functions as F

    # Spark gives no row of an empty file
    sha = F.coalesce("sha", F.sha2(F.lit(""), 256))
    header = F.element_at("texts", 1)
    cells = F.split("header", ",")
    places = F.transform_values("named", lambda _, name: F.array_position(cells, name).cast("int"))
    is_lost = F.exists(F.map_values("places"), lambda place: place == 0)
    problem = F.when(sha != F.col("sha256"), F.lit("sha256_mismatch")).when(
        F.col("header").isNotNull() & is_lost, F.lit("wrong_layout")
    )
    is_whole = F.size("violations") == 0
    no_lines = F.array().cast("array<string>")
    return (
        described
        .join(_texts(described.sparkSession, [f"{root}/{key}" for key in keys]), on="object", how="left")
        .withColumn("header", header)
        .withColumn("places", F.when(F.col("header").isNotNull(), places))
        .withColumn("violations", F.array_compact(F.array(problem)))
        .withColumns({
            "kept": F.when(is_whole, F.coalesce("texts", no_lines)).otherwise(no_lines),
            "header": F.when(is_whole, F.col("header")),
        })
        .select("*", F.posexplode(F.concat(F.array("told"), "kept")).alias("row", "line"))
        .select(
            *["object", "row", "line", "source", "dataset", "vendor_symbol", "request_id", "fetched_at"],
            *[F.when(F.col("row") == 0, F.col(name)).alias(name) for name in (*FACTS, "violations")],
        )
    )


def _texts(spark: "SparkSession", paths: list[str]) -> "DataFrame":
    """The lines of each object, `texts`, and the `sha` of its bytes."""
    from pyspark.sql import functions as F

    key = F.expr("substring(path, locate('/history/', path) + 1)").alias("object")
    content = F.col("content").cast("string")
    lines = F.when(F.length(content) > 0, F.split(F.regexp_replace(content, r"\r?\n\z", ""), r"\r?\n"))
    files = _binary(spark, paths, _lost_object)
    return files.select(key, lines.alias("texts"), F.sha2("content", 256).alias("sha"))


def _no_history(found: str) -> TapehouseError:
    return NoDataError(
        "the raw bucket holds no history",
        found=found,
        remedy="fetch some (`tapehouse history`), or import files (`tapehouse import`)",
    )


def _lost_object(found: str) -> TapehouseError:
    return RejectedDataError(
        "an object that a sidecar names is not in the raw bucket",
        found=found,
        remedy="put its bytes back, or remove the sidecar beside it",
    )


def _binary(
    spark: "SparkSession", paths: list[str], missing: Callable[[str], TapehouseError], **options: str
) -> "DataFrame":
    from pyspark.errors import AnalysisException

    try:
        return spark.read.format("binaryFile").options(**options).load(paths)
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        raise missing(str(error).splitlines()[0]) from None


def _columns_of_vendor() -> "Column":
    from pyspark.sql import functions as F

    known = [F.lit(None).cast("string")]
    for (source, dataset), columns in COLUMNS.items():
        is_it = (F.col("s.source") == source) & (F.col("s.dataset") == dataset)
        known.append(F.when(is_it, F.lit(columns)))
    return F.coalesce(*known)
