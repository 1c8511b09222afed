"""Whose producers live."""

from contextlib import closing
from typing import TYPE_CHECKING

from tapehouse.guard_report import PRODUCERS
from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


class HeartbeatsPart:
    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def look(self) -> list[Sample]:
        from jobs.lake.postgres import Connection

        with closing(Connection(self._settings, read_only=True)) as connection:
            if connection.execute("SELECT to_regclass('heartbeats')") == [(None,)]:
                return []
            rows = connection.execute(
                "SELECT producer, max(beat_at) FROM heartbeats WHERE topic = %s GROUP BY 1",
                (self._settings.topic,),
            )
        beats, found = dict(rows), []
        for source, producers in PRODUCERS.items():
            moments = [beats[name].timestamp() for name in producers if name in beats]
            if moments:
                name = "tapehouse_source_heartbeat_timestamp_seconds"
                found.append(Sample(name, max(moments), (source,)))
        return found
