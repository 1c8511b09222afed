"""The known errors of real files: which are flagged, and that nothing is where nothing is wrong."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.suspicious_files import Verdict, verdicts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("compiled")]

FILES = [
    Verdict("4063-T-1d-bad-stock-split", "price not adjusted for the split", 9, 9, "partly_adjusted 9", "-"),
    Verdict("4063-T-1d-bad-stock-split-fixed", "none", 0, 0, "-", "-"),
    Verdict(
        "8TRA-DE-1d-missing-div-adjust",
        "dividend not in the adjusted close",
        1,
        1,
        "dividend_not_adjusted 1",
        "-",
    ),
    Verdict("8TRA-DE-1d-missing-div-adjust-fixed", "none", 0, 0, "-", "-"),
    Verdict("AET-L-1d-100x-error", "price in the other unit", 14, 14, "unit_error 14", "-"),
    Verdict("AET-L-1d-100x-error-fixed", "none", 0, 0, "-", "-"),
    Verdict(
        "ASAI-L-1h-bad-unit",
        "price in the other unit",
        1,
        1,
        "moved_without_volume 1, unit_error 1",
        "moved_without_volume 4, volume_fall 1",
    ),
    Verdict("ASAI-L-1h-bad-unit-fixed", "none", 0, 0, "-", "moved_without_volume 5, volume_fall 1"),
    Verdict(
        "AV-L-1wk-bad-stock-split",
        "price not adjusted for the split",
        1,
        0,
        "-",
        "moved_without_volume 1, volume_fall 1",
    ),
    Verdict(
        "AV-L-1wk-bad-stock-split-fixed",
        "none",
        0,
        0,
        "-",
        "dividend_wrong_day 1, moved_without_volume 1, volume_fall 1",
    ),
    Verdict("CALM-1d-no-bad-divs", "none", 0, 0, "-", "-"),
    Verdict("EA-15m-no-bad-divs", "none", 0, 0, "-", "moved_without_volume 94, volume_fall 18"),
    Verdict("MOB-ST-1d-bad-stock-split", "price not adjusted for the split", 1, 1, "partly_adjusted 1", "-"),
    Verdict("MOB-ST-1d-bad-stock-split-fixed", "none", 0, 0, "-", "-"),
    Verdict(
        "SSNLF-1d-bad-div",
        "adjusted close impossible",
        5955,
        5955,
        "adj_close_impossible 5955, missed_split 1, price_jump 11, stale 409, unit_error 10",
        "-",
    ),
    Verdict(
        "SSNLF-1d-bad-div", "dividend not in the adjusted close", 55, 55, "dividend_over_adjusted 55", "-"
    ),
    Verdict(
        "TEM-L-1d-bad-div",
        "dividend that was not paid",
        1,
        1,
        "dividend_not_adjusted 1, dividend_unit_error 1",
        "-",
    ),
    Verdict("TEM-L-1d-bad-div", "dividend not in the adjusted close", 5, 5, "dividend_not_adjusted 5", "-"),
    Verdict("TEM-L-1d-bad-div-fixed", "none", 0, 0, "-", "-"),
]


def test_the_known_errors_of_real_files_are_flagged_as_the_table_says(
    spark: "SparkSession", market_data: Path
) -> None:
    found = verdicts(spark, market_data / "yfinance_repair")
    assert found == FILES
    of_good = [verdict for verdict in found if "no-bad-divs" in verdict.file]
    assert len(of_good) == 2
    assert not any(word in verdict.others for verdict in of_good for word in ("dividend", "split"))
