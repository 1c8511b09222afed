"""The arithmetic of the benches, on numbers that can be followed by eye."""

import numpy as np
import pytest

from tests.bench.commits import SeenCommit, recorded_end
from tests.bench.measure import lag, percentiles, positions, spread, visible_at, warm_rate
from tests.bench.report import Report, with_part
from tests.bench.tape import DUPLICATES, MALFORMED, Stretch, deliveries
from tests.bench.topic import Sent

COMMITS = [SeenCommit(0, 10.0, {}), SeenCommit(1, 12.0, {0: 2, 1: 1}), SeenCommit(2, 15.0, {0: 3, 1: 1})]
SENT = Sent(np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]), np.array([9.0, 11.0, 11.5, 11.0, 14.0]))


def test_a_message_is_visible_at_the_first_commit_whose_end_is_beyond_it() -> None:
    assert visible_at(SENT, COMMITS).tolist() == [12, 12, 15, 12, np.inf]


def test_nothing_is_visible_without_a_commit() -> None:
    assert visible_at(SENT, []).tolist() == [np.inf] * 5


def test_a_percentile_is_a_latency_that_was_measured() -> None:
    measured = percentiles(np.array([3.0, 1.0, 2.0, 4.0]))
    assert measured == {"p50": 3, "p95": 4, "p99": 4, "max": 4}


def test_the_spread_of_runs_is_median_least_and_most() -> None:
    assert spread([3, 9, 1]) == (3, 1, 9, 3)


def test_lag_counts_what_was_sent_and_is_not_visible() -> None:
    moments = np.array([9.0, 11.5, 12.0, 14.0, 15.0])
    assert lag(SENT, visible_at(SENT, COMMITS), moments).tolist() == [1, 4, 1, 2, 1]


def test_a_message_counts_as_in_when_the_last_table_has_it() -> None:
    bronze, gold = [SeenCommit(1, 1.0, {0: 5}), SeenCommit(2, 4.0, {0: 9})], [SeenCommit(1, 2.0, {0: 9})]
    assert positions({"bronze": bronze, "gold": gold}) == [(2.0, 5), (4.0, 9)]


def test_the_warm_rate_leaves_the_first_quarter_out() -> None:
    assert warm_rate([(20.0, 10), (30.0, 50), (32.0, 100)]) == 25
    assert warm_rate([(20.0, 100)]) is None


@pytest.mark.parametrize("metadata", ['"userMetadata":"{\\"end\\": {\\"3\\": 7}}"', '"userMetadata":null'])
def test_the_end_of_a_commit_is_read_from_its_metadata(metadata: str) -> None:
    line = f'{{"commitInfo":{{"operation":"WRITE",{metadata}}}}}'
    assert recorded_end(line.encode()) == ({} if "null" in metadata else {3: 7})


def test_a_tape_is_the_same_for_the_same_seed_and_sent_at_its_pace() -> None:
    plan = [Stretch(1000, 500), Stretch(2000, 1000)]
    tape = list(deliveries(plan, seed=1))
    assert tape == list(deliveries(plan, seed=1))
    assert [tape[n][0] for n in (0, 1, 1000, 1001)] == [0, 2000, 2_000_000, 2_001_000]
    malformed = sum(message.value is not None for _, message in tape)
    assert 0 < malformed < 3000 * MALFORMED * 3
    assert len({message.frame for _, message in tape}) > 3000 * (1 - 2 * DUPLICATES)


def test_a_report_takes_the_place_of_the_one_before_and_nothing_else() -> None:
    page = "# Page\n<!-- load -->\nold\n<!-- end of load -->\n<!-- growth -->\nkept\n<!-- end of growth -->\n"
    found = with_part(page, Report("load", "Lag", ("a", "b"), [("1", "2")], ["a note"]), "2 cores")
    table = "Lag. 2 cores.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n- a note\n"
    assert found == page.replace("old\n", table)
