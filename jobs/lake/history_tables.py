"""The registry of the tables of price history: see jobs/lake/tables.py."""

from jobs.lake.tables import CHANGE_FEED, Table
from transforms import check_schemas, gold_schemas
from transforms.history_schemas import BRONZE_HISTORY as HISTORY
from transforms.history_schemas import HISTORY_REJECTED as REJECTED
from transforms.history_schemas import SILVER_ACTIONS as ACTIONS
from transforms.history_schemas import SILVER_BARS_1D as BARS_1D
from transforms.history_schemas import SILVER_VENDOR_BARS_1M as VENDOR_BARS_1M

LOAD, DAILY, ADJUST, COMPUTE = "load_history", "build_daily", "adjust_prices", "compute_indicators"
MINUTES, REFERENCE = "build_minutes", "publish_reference"
COMPLETENESS, RECONCILE = "check_completeness", "reconcile_sources"

BRONZE_HISTORY = Table(
    "bronze.history",
    "A line of price history as a vendor sent it, one row each, and one for each object.",
    HISTORY,
    ("object", "row"),
    None,
    LOAD,
    of_stream=False,
)
HISTORY_REJECTED = Table(
    "silver.history_rejected",
    "A line of price history that broke a rule when it was loaded, with its reasons.",
    REJECTED,
    ("object", "row"),
    None,
    LOAD,
    of_stream=False,
)
SILVER_BARS_1D = Table(
    "silver.bars_1d",
    "Every version of a day's bar that a source has told, and from when to when it held.",
    BARS_1D,
    ("source", "instrument_id", "session", "known_from"),
    None,
    DAILY,
    of_stream=False,
)
SILVER_ACTIONS = Table(
    "silver.actions",
    "Every version of a split or dividend that a source has told, and from when to when it held.",
    ACTIONS,
    ("source", "instrument_id", "ex_date", "kind", "known_from"),
    None,
    DAILY,
    of_stream=False,
)
GOLD_BARS_1D = Table(
    "gold.bars_1d",
    "A day's bar as it is known now, raw as traded, of the source that comes first; closed days are left out.",
    gold_schemas.GOLD_BARS_1D,
    ("instrument_id", "session"),
    None,
    ADJUST,
    CHANGE_FEED,
)
GOLD_BARS_1D_VERSIONS = Table(
    "gold.bars_1d_versions",
    "Every version of a day's bar, as silver.bars_1d has it: what was known when, for the warehouse.",
    BARS_1D,
    ("source", "instrument_id", "session", "known_from"),
    None,
    ADJUST,
    CHANGE_FEED,
)
GOLD_ACTIONS = Table(
    "gold.actions",
    "A split or dividend as it is known now, of the source that comes first: prices are adjusted by these alone.",
    gold_schemas.GOLD_ACTIONS,
    ("instrument_id", "ex_date", "kind"),
    None,
    ADJUST,
    CHANGE_FEED,
)
GOLD_ADJUSTED_BARS_1D = Table(
    "gold.adjusted_bars_1d",
    "A day's bar on each of four bases, with its factors: raw, adjusted for splits, and for dividends by two formulas.",
    gold_schemas.GOLD_ADJUSTED_BARS_1D,
    ("instrument_id", "session", "basis"),
    None,
    ADJUST,
    CHANGE_FEED,
)
SILVER_VENDOR_BARS_1M = Table(
    "silver.vendor_bars_1m",
    "Every version of a minute's bar that a vendor or import has told, and from when to when it held.",
    VENDOR_BARS_1M,
    ("source", "instrument_id", "bar_start", "known_from"),
    "session",
    MINUTES,
    of_stream=False,
)
GOLD_MINUTES = Table(
    "gold.minutes",
    "A minute's bar as it is known now: the stream's where that is complete, else the vendor's.",
    gold_schemas.GOLD_MINUTES,
    ("instrument_id", "bar_start"),
    "session",
    MINUTES,
    CHANGE_FEED,
)
GOLD_INSTRUMENTS = Table(
    "gold.instruments",
    "What an instrument was called when, as conf/instruments.yaml says.",
    gold_schemas.GOLD_INSTRUMENTS,
    ("instrument_id", "valid_from"),
    None,
    REFERENCE,
    CHANGE_FEED,
)
GOLD_SESSIONS = Table(
    "gold.sessions",
    "The sessions of each venue, and when it opened and closed, from 2000 until as far as its calendar is known.",
    gold_schemas.GOLD_SESSIONS,
    ("mic", "session"),
    None,
    REFERENCE,
    CHANGE_FEED,
)
GOLD_INDICATORS_1D = Table(
    "gold.indicators_1d",
    "Indicators of a day, worked out from all bars of the instrument so far, adjusted for splits.",
    gold_schemas.GOLD_INDICATORS_1D,
    ("instrument_id", "session"),
    None,
    COMPUTE,
    CHANGE_FEED,
)
GOLD_GAPS = Table(
    "gold.gaps",
    "What was expected of a dataset that is followed and not received: a day, or consecutive minutes of one cause. "
    "What is followed is complete in every session that is over, or is here.",
    check_schemas.GOLD_GAPS,
    ("source", "instrument_id", "width", "dataset", "gap_start"),
    None,
    COMPLETENESS,
    CHANGE_FEED,
)
GOLD_DISCREPANCIES = Table(
    "gold.discrepancies",
    "Two sources that differ on a day beyond what they may, or of which one has no bar of it, and who serves.",
    check_schemas.GOLD_DISCREPANCIES,
    ("instrument_id", "session", "field", "source", "other_source"),
    None,
    RECONCILE,
    CHANGE_FEED,
)
HISTORY_TABLES = (
    BRONZE_HISTORY,
    HISTORY_REJECTED,
    SILVER_BARS_1D,
    SILVER_ACTIONS,
    GOLD_BARS_1D,
    GOLD_BARS_1D_VERSIONS,
    GOLD_ACTIONS,
    GOLD_ADJUSTED_BARS_1D,
    SILVER_VENDOR_BARS_1M,
    GOLD_MINUTES,
    GOLD_INSTRUMENTS,
    GOLD_SESSIONS,
    GOLD_INDICATORS_1D,
    GOLD_GAPS,
    GOLD_DISCREPANCIES,
)
