"""Stop on SIGTERM or SIGINT, at the moment that the program chooses.

The pid that a scheduler knows is that of `spark-submit`: a JVM, whose Python half sees no signal. The handler is
set in the JVM, through py4j, and in Python for Ctrl-C on a terminal, which reaches both.
"""

import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class StopRequest:
    """Set once somebody asks the program to stop, which is heard from `listen` on: there must be a JVM."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def listen(self, spark: "SparkSession") -> None:
        gateway = spark.sparkContext._gateway
        _ensure_callbacks(gateway)
        handler = _Handler(self._asked)
        for name in ("TERM", "INT"):
            gateway.jvm.sun.misc.Signal.handle(gateway.jvm.sun.misc.Signal(name), handler)  # type: ignore[union-attr]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked.set())

    def __call__(self) -> bool:
        return self._asked.is_set()


class _Handler:
    """`sun.misc.SignalHandler`, called by the JVM."""

    def __init__(self, asked: threading.Event) -> None:
        self._asked = asked

    def handle(self, _signal: Any) -> None:
        self._asked.set()

    class Java:
        implements = ["sun.misc.SignalHandler"]  # ruff: ignore[mutable-class-default] - py4j reads this very name


def _ensure_callbacks(gateway: Any) -> None:
    from pyspark.java_gateway import ensure_callback_server_started

    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
