"""Whether a query that failed is tried again: when its surroundings were away, after a pause, a few times."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from jobs.lake.errors import ServiceError

# seconds before each new try: together more than the two minutes that a store or a broker may be away
PAUSES = (5, 10, 20, 40, 60)
# what the clients of the store and the broker, and the network below them, throw
OF_SURROUNDINGS = re.compile(
    r"java\.io\.(IOException|InterruptedIOException|EOFException)|java\.net\..*|java\.util\.concurrent\.TimeoutException"
    r"|software\.amazon\.awssdk\.core\.exception\..*|org\.apache\.kafka\.common\.errors\.RetriableException"
    r"|org\.apache\.spark\.sql\.kafka010\.KafkaTimeoutException"
)
# and what their clients in the task say where the exception itself is lost on the way to the driver
IN_A_TASK = re.compile(
    r"executor driver\): ((java\.net|org\.apache\.hadoop\.fs\.s3a|software\.amazon)\.[\w.]+)"
)
# on a cluster: kept rows were lost with the executors that had them, the next try makes them anew
LOST_WITH_EXECUTORS = re.compile(r"CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND|ExecutorLostFailure")
log = structlog.get_logger()


class Restarts:
    """Counts the tries since the query last made progress."""

    def __init__(self, *, give_up: Callable[[], bool]) -> None:
        self._give_up = give_up
        self._used = 0

    def wait_after(self, error: Exception, *, progressed: bool) -> None:
        """Pause before another try, or raise `error` where another would be of no use or one too many."""
        if progressed:
            self._used = 0
        if self._used == len(PAUSES) or not is_of_surroundings(error):
            raise error
        pause = PAUSES[self._used]
        self._used += 1
        log.warning("restart", attempt=self._used, of=len(PAUSES), after_seconds=pause, found=brief(error))
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline:
            if self._give_up():
                raise error
            time.sleep(0.2)


def is_of_surroundings(error: BaseException) -> bool:
    """Whether a service or an executor was away, rather than the data or the program wrong."""
    if isinstance(error, ServiceError):
        return True
    said = str(error)
    return any(OF_SURROUNDINGS.fullmatch(name) for name in java_classes(error)) or bool(
        IN_A_TASK.search(said) or LOST_WITH_EXECUTORS.search(said)
    )


def java_classes(error: BaseException) -> Iterator[str]:
    """The names of the Java exceptions behind a Python one: its own, its causes', and what they extend."""
    while isinstance(inner := getattr(error, "cause", None), Exception):
        error = inner
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None:
        kind = cause.getClass()
        while kind is not None:
            yield kind.getName()
            kind = kind.getSuperclass()
        cause = cause.getCause()


def brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
