"""How a vendor is asked: within its budget, again where that is of use, and left alone where it is not."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import structlog

from producers.errors import DayIsSpentError, OutageError, RefusedError, SourceError, TooFastError

TRIES = 3
# seconds before another try, the longer the more were made
PAUSE = {TooFastError: 2.0, OutageError: 5.0}
Result = TypeVar("Result")
log = structlog.get_logger()


class Calls(Protocol):
    """What a source's budget is told of the answers."""

    def end_day(self, because: str) -> None: ...

    def rest(self, because: str) -> None: ...

    def answered(self) -> None: ...


def ask(
    call: Callable[[], Result],
    *,
    calls: Calls,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """What `call` gives; after the last try its error is raised. The client takes each call that it sends."""
    for number in range(1, tries + 1):
        try:
            answer = call()
        except (TooFastError, OutageError) as error:
            log.warning("source_tried", attempt=number, of=tries, what=error.what, found=error.found)
            if number == tries:
                raise
            sleep(number * PAUSE[type(error)])
        except DayIsSpentError as error:
            calls.end_day(error.found)
            raise
        except RefusedError as error:
            calls.rest(error.found)
            raise
        except SourceError:
            calls.answered()  # it did answer, and knows nothing of this
            raise
        else:
            calls.answered()
            return answer
    raise AssertionError("not reached: the last try returns or raises")
