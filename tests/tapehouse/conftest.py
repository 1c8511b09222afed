"""A small lakehouse to ask: bars of three minutes, made by two batches and merged."""

from typing import TYPE_CHECKING

import pytest

from producers.disturbances import Disturbances, disturb
from producers.tape import generate
from tapehouse.services.instance import Instance
from tests.builders import DAY, micros
from tests.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HARM = Disturbances(duplicates=0.1, malformed=0.05, late=0.1, late_minutes=2)


@pytest.fixture(scope="session")
def made(services: Instance, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Stack:
    stack = Stack(services, spark, tmp_path_factory.mktemp("made"), "made")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        tape = generate(DAY.date(), before=DAY.date().replace(day=1), seed=3, minutes=3)
        stack.send(d.message for d in disturb(tape, HARM, seed=3, now_us=micros(DAY)))
        stack.drain(max_offsets=500)
    return stack


@pytest.fixture
def lake(made: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The small lakehouse, which the environment names; a test that changes it takes a copy."""
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
