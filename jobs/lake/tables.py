"""The table registry: where each table lies, its key and partition, and the one job that writes it."""

from dataclasses import dataclass, field

from pyspark.sql import types as T

from jobs.lake.settings import Settings
from transforms import schemas
from transforms.messages import COORDINATES


@dataclass(frozen=True)
class Table:
    """A Delta table. `writer` is the only job that may commit to it, but for `rebuild` under that one's lease.

    Without a `partition` it is one. `of_stream` says that it lies in the stream's bucket, if it is no table of gold.
    """

    name: str
    meaning: str
    schema: T.StructType
    key: tuple[str, ...]
    partition: str | None
    writer: str
    properties: dict[str, str] = field(default_factory=dict)
    of_stream: bool = True

    def path(self, settings: Settings) -> str:
        """Its address as Spark spells it."""
        layer, name = self.name.split(".")
        in_realtime = self.of_stream and layer != "gold"
        bucket = settings.realtime_url if in_realtime else settings.processed_url
        return f"{bucket.replace('s3://', 's3a://')}/{layer}/{name}"

    def url(self, settings: Settings) -> str:
        """Its address as readers without Spark spell it."""
        return self.path(settings).replace("s3a://", "s3://")


STREAM = "stream_quotes"
# the driver writes log checkpoints beside its batches (upkeep.py): Delta's own would hold a batch up, for seconds the
# first time
OF_STREAM = {"delta.checkpointInterval": "1000"}
CHANGE_FEED = {"delta.enableChangeDataFeed": "true"}

BRONZE_QUOTES = Table(
    "bronze.quotes",
    "A message as it came, one row each.",
    schemas.BRONZE_QUOTES,
    COORDINATES,
    "kafka_date",
    STREAM,
    OF_STREAM,
)
SILVER_QUOTES = Table(
    "silver.quotes",
    "One accepted quote a row, however often it was sent.",
    schemas.SILVER_QUOTES,
    ("event_id",),
    "session",
    STREAM,
    OF_STREAM,
)
SILVER_REJECTED = Table(
    "silver.rejected",
    "A message that did not parse or broke a rule, kept with its bytes and its reasons.",
    schemas.SILVER_REJECTED,
    COORDINATES,
    "kafka_date",
    STREAM,
    OF_STREAM,
)
GOLD_BARS_1M = Table(
    "gold.bars_1m",
    "One bar for each minute of an instrument in which a source sent a quote.",
    schemas.GOLD_BARS_1M,
    ("source", "instrument_id", "bar_start"),
    "session",
    STREAM,
    OF_STREAM | CHANGE_FEED,
)
# appended by every batch and merged into gold.bars_1m within a minute: a merge in every batch would be half of it
GOLD_BARS_1M_LOG = Table(
    "gold.bars_1m_log",
    "What each batch says of the bars: a row for each bar that was new, changed or became final. It is merged into "
    "gold.bars_1m within a minute, and pruned; `tapehouse sql` shows both as gold.bars_1m.",
    schemas.GOLD_BARS_1M_LOG,
    ("source", "instrument_id", "bar_start", "sequence"),
    "session",
    STREAM,
    OF_STREAM,
)

# what a batch of the stream commits to; gold.bars_1m follows its log
BATCH_TABLES = (BRONZE_QUOTES, SILVER_QUOTES, SILVER_REJECTED, GOLD_BARS_1M_LOG)
STREAM_TABLES = (*BATCH_TABLES, GOLD_BARS_1M)
