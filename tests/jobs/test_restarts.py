"""Which errors are the surroundings' and are worth another try."""

from typing import TYPE_CHECKING

import pytest
from pyspark.errors.exceptions.captured import StreamingQueryException

from jobs.lake import restarts
from jobs.lake.errors import ServiceError, TopicError
from jobs.lake.restarts import Restarts, is_of_surroundings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("java", "is_theirs"),
    [
        ("java.io.IOException", True),
        ("java.net.SocketTimeoutException", True),
        ("java.lang.IllegalStateException", False),
    ],
)
def test_what_spark_itself_met_is_known_by_its_cause(
    spark: "SparkSession", java: str, is_theirs: bool
) -> None:
    jvm = spark._jvm
    error = StreamingQueryException(origin=getattr(jvm, java)("No space left on device"))
    assert is_of_surroundings(error) is is_theirs


def test_rows_that_were_lost_with_an_executor_are_worth_another_try() -> None:
    lost = "[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND] Checkpoint block rdd_276_1 not found!"
    assert is_of_surroundings(RuntimeError(f"An error occurred while calling o2509.localCheckpoint: {lost}"))
    assert not is_of_surroundings(RuntimeError("An error occurred while calling o2509.localCheckpoint"))


def test_after_the_last_try_the_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "PAUSES", (0.0, 0.0))
    away = ServiceError("the store does not answer")
    tries = Restarts(give_up=lambda: False)
    for _ in range(2):
        tries.wait_after(away, progressed=False)
    # progress begins the count anew
    for progressed in (True, False):
        tries.wait_after(away, progressed=progressed)
    with pytest.raises(ServiceError):
        tries.wait_after(away, progressed=False)
    with pytest.raises(TopicError):
        Restarts(give_up=lambda: False).wait_after(TopicError("made anew"), progressed=True)
