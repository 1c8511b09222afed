"""What is missing of what is followed and still to be fetched, by the reason why."""

from collections import Counter
from typing import TYPE_CHECKING

from jobs.lake.arguments import FOLLOWED_DATASETS
from tapehouse.measuring.catalogue import Sample
from tapehouse.measuring.lake import Version, version_of
from tapehouse.table_files import batches

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from tapehouse.measuring.lake import Lake

TABLE, NAME = "gold.gaps", "tapehouse_gaps_open"
# nothing that is missing is a number too
NONE = [(dataset, "not_fetched") for dataset in FOLLOWED_DATASETS]


class GapsPart:
    """Counts the open ones again when the table has another version."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake
        self._known: tuple[Version, list[Sample]] | None = None

    def look(self) -> list[Sample]:
        opened = self._lake.newest(TABLE)
        if opened is None:
            return []
        version = version_of(opened)
        if self._known is None or self._known[0] != version:
            numbers = dict.fromkeys(NONE, 0) | _count(opened, self._lake.options)
            self._known = version, [Sample(NAME, number, of) for of, number in sorted(numbers.items())]
        return self._known[1]


def _count(opened: "DeltaTable", options: dict[str, str]) -> dict[tuple[str, ...], int]:
    found: Counter[tuple[str, ...]] = Counter()
    for batch in batches(opened, options, ["dataset", "cause", "state"]):
        for dataset, cause, state in zip(*(one.to_pylist() for one in batch.columns), strict=True):
            found[dataset, cause] += state == "open"
    return dict(found)
