"""The frames that one batch of the stream writes, a table each."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from jobs.lake.gold_log import with_sequence
from jobs.lake.kept import keep, release
from jobs.lake.progress import Offsets, exceeds
from jobs.lake.quote_batch import BatchFacts
from jobs.lake.tables import BRONZE_QUOTES, SILVER_QUOTES
from transforms.bars import Unit, aggregate_bars, sequence_quotes
from transforms.quotes import keep_rejected, refine_quotes
from transforms.revisions import (
    past_watermark,
    quotes_to_sequence,
    revise_bars,
    seed_segments,
    touched_segments,
)
from transforms.schemas import conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class BatchFrames:
    """Frames over a checked and persisted batch; `release` lets go of what is kept in memory for them.

    `above` is the recorded end of the table that a frame is for: what lies below is not written again.
    """

    def __init__(self, checked: "DataFrame", facts: BatchFacts) -> None:
        self._checked, self._facts = checked, facts
        self._kept: list[DataFrame] = []

    def bronze(self, *, above: Offsets) -> "DataFrame":
        return self._newer(self._checked, above).transform(conform, schema=BRONZE_QUOTES.schema)

    def rejected(self, *, above: Offsets) -> "DataFrame":
        return self._newer(self._checked, above).transform(keep_rejected)

    def sequence(self, silver: "DataFrame", *, bars: "DataFrame") -> None:
        """Put the batch's quotes in order with those of silver from the first touched bar on; `bars` are the stored."""
        quotes = refine_quotes(self._checked)
        touched = quotes.transform(touched_segments)
        seeds = touched.transform(seed_segments, stored=bars)
        self._stored = bars
        self._sequenced = self._keep(
            quotes.transform(quotes_to_sequence, silver=silver, touched=touched).transform(
                sequence_quotes, seeds=seeds
            )
        )

    def silver(self, *, above: Offsets) -> "DataFrame":
        """The quotes of the batch that silver does not hold, each once."""
        return self._newer(self._new_quotes, above)

    def bars(
        self, units: Iterable[Unit], *, final_before: Mapping[str, datetime], sequence: int
    ) -> "DataFrame":
        """The revisions that the batch makes: bars that are new, changed, or now final."""
        self.revisions = self._keep(
            self._sequenced
            .transform(aggregate_bars, units=units)
            .transform(revise_bars, stored=self._stored, passed=past_watermark(final_before))
            .transform(with_sequence, sequence=sequence)
        )
        return self.revisions

    def count_new(self) -> tuple[int, int]:
        """How many quotes were new to silver, and how many bars the batch revised."""
        quotes = self._new_quotes.count() if self._facts.accepted else 0
        return quotes, self.revisions.count() if self._facts.first_minute else 0

    def hand_over_new(self) -> "DataFrame":
        """The quotes that were new to silver, kept in memory; whoever takes them releases them."""
        self._kept.remove(self._new_quotes)
        return self._new_quotes

    @cached_property
    def _new_quotes(self) -> "DataFrame":
        new = self._sequenced.where("NOT is_repeat AND NOT is_stored")
        return self._keep(new.transform(conform, schema=SILVER_QUOTES.schema))

    def release(self) -> None:
        for frame in self._kept:
            release(frame)

    def _newer(self, rows: "DataFrame", above: Offsets) -> "DataFrame":
        """Rows beyond the recorded end; all of them unless this is a replay."""
        from pyspark.sql import functions as F

        if not exceeds(above, self._facts.start):
            return rows
        beyond = F.lit(False)
        for partition in self._facts.end:
            beyond = beyond | (
                (F.col("partition") == partition) & (F.col("offset") >= above.get(partition, 0))
            )
        return rows.where(beyond)

    def _keep(self, frame: "DataFrame") -> "DataFrame":
        self._kept.append(keep(frame))
        return self._kept[-1]
