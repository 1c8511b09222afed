"""The one Python function that Spark calls on rows: bars of whole instruments in, the same with indicators out.

Why there is one: an average of Wilder's, or an exponential one, holds all that was before it. In SQL that is a pass
over an instrument's history for every row, or powers that no double can hold.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.series import OF_RANGES, Known, places, work_out

PLACES = 12
EXACT = pa.decimal128(28, PLACES)
UNIT = Decimal(1).scaleb(-PLACES)
LARGEST = 1e16  # what has no room before the decimals
# up to here a double holds all twelve decimals, up to there nine: each a whole number of 64 bits
TWELVE, NINE = 9e3, 9e6
ROWS = 20_000  # of a piece, and of a batch that goes back


def add_indicators(batches: Iterable[pa.RecordBatch], *, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Add the `wanted` indicators to bars, in whatever order they come; no instrument may be cut in two."""
    told = [batch for batch in batches if batch.num_rows]
    if told:
        for bars in pieces(in_order(pa.Table.from_batches(told))):
            yield from worked_out(bars, wanted=wanted).to_batches(max_chunksize=ROWS)


def worked_out(bars: pa.Table, *, wanted: Sequence[str]) -> pa.Table:
    """Bars in order, with the `wanted` indicators."""
    prices = {
        name: np.asarray(pc.fill_null(pc.cast(bars[name], pa.float64()), 0.0))
        for name in OF_RANGES
        if name in bars.column_names
    }
    for name, known in work_out(prices, codes(bars), wanted=wanted).items():
        bars = bars.append_column(name, to_decimals(known))
    return bars


def pieces(bars: pa.Table) -> Iterator[pa.Table]:
    """Bars in order, some instruments at a time: what is worked out at once stays small."""
    begins = np.flatnonzero(places(codes(bars)) == 0)
    first = np.unique(np.searchsorted(begins, np.arange(0, bars.num_rows, ROWS)))
    cuts = [*begins[first[first < len(begins)]], bars.num_rows]
    for begin, end in pairwise(cuts):
        yield bars.slice(begin, end - begin)


def in_order(bars: pa.Table) -> pa.Table:
    """One instrument after another, each from its first session on."""
    days = np.asarray(bars["session"].cast(pa.int32()))
    return bars.take(pa.array(np.argsort((codes(bars) << 32) + days, kind="stable")))


def codes(bars: pa.Table) -> np.ndarray:
    """A number for each instrument."""
    encoded = pc.dictionary_encode(bars["instrument_id"].combine_chunks())
    return np.asarray(encoded.indices).astype(np.int64)


def to_decimals(known: Known) -> pa.Array:
    """Values as decimals, null where they are not known or do not fit."""
    size = np.abs(known.values)
    is_known = known.is_known & (size < LARGEST)
    twelve, nine = is_known & (size < TWELVE), is_known & (size >= TWELVE) & (size < NINE)
    # the two halves of 128 bits, the upper one holding the sign alone
    halves = np.zeros((len(size), 2), dtype=np.int64)
    lower = halves[:, 0]
    lower[twelve] = np.rint(known.values[twelve] * 1e12)
    lower[nine] = np.rint(known.values[nine] * 1e9).astype(np.int64) * 1000
    halves[:, 1] = lower >> 63
    for row in np.flatnonzero(is_known & (size >= NINE)):
        exact = Decimal(repr(float(known.values[row]))).quantize(UNIT, ROUND_HALF_EVEN)
        whole = int(exact.scaleb(PLACES))
        halves[row] = np.frombuffer(whole.to_bytes(16, "little", signed=True), dtype=np.int64)
    validity = np.packbits(is_known, bitorder="little")
    return pa.Array.from_buffers(EXACT, len(size), [pa.py_buffer(validity), pa.py_buffer(halves)])
