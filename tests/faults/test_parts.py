"""What is to be run exists, each step once."""

from tests.faults.parts import PARTS, PROVE
from tests.faults.run import SCENARIOS


def test_every_step_names_a_scenario_and_is_there_once() -> None:
    for steps in PARTS.values():
        assert {step.scenario for step in steps} <= SCENARIOS.keys()
        assert len({str(step) for step in steps}) == len(steps)
    assert set(PROVE) <= SCENARIOS.keys()
