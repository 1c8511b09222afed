"""One Spark for all that a program does, started when it is needed; a signal stops the program between commits."""

from typing import TYPE_CHECKING

from jobs.lake import failpoints
from jobs.lake.session import build_session
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class OneSpark:
    """Call it for the session."""

    def __init__(self, program: str, settings: Settings, stop: StopRequest) -> None:
        self._program, self._settings, self._stop = program, settings, stop
        self._spark: SparkSession | None = None

    def __call__(self) -> "SparkSession":
        if self._spark is None:
            self._spark = build_session(self._program, self._settings)
            failpoints.arm(self._spark)
            self._stop.listen(self._spark)
        return self._spark
