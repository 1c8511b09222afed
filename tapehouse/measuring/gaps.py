"""What is missing of what is followed and still to be fetched, by the reason why."""

from typing import TYPE_CHECKING

from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from tapehouse.measuring.lake import Lake

TABLE, NAME = "gold.gaps", "tapehouse_gaps_open"
MEMORY = "256MB"


class GapsPart:
    """Counts the open ones again when the table has another version."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake
        self._known: tuple[int, list[Sample]] = (-1, [])

    def look(self) -> list[Sample]:
        from tapehouse.delta import connect

        opened = self._lake.newest(TABLE)
        if opened is None:
            return []
        if self._known[0] != opened.version():
            connection = connect()
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.register("gaps", opened.to_pyarrow_dataset())
            rows = connection.execute(
                "SELECT dataset, cause, count(*) FILTER (WHERE state = 'open') FROM gaps GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            connection.close()
            self._known = opened.version(), [Sample(NAME, number, tuple(of)) for *of, number in rows]
        return self._known[1]
