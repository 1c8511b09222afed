"""A day explained: the object, the line and the factors that it names are those that stand there."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tapehouse.delta import url_of
from tapehouse.services.instance import Instance
from tapehouse.vendors import s3_client
from tests.jobs.raw_history import dividend, split
from tests.stack import Stack, call
from tests.tapehouse.explained_history import FRIDAY, MONDAY, WIKI, fill

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def explained(
    services: Instance, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Two sources that disagree about a Friday, which one of them corrects, and a split and a dividend after it."""
    folder = tmp_path_factory.mktemp("explained")
    stack = Stack(services, spark, folder, "explained")
    stack.environment["TAPEHOUSE_RAW_URL"] = f"s3://raw/{stack.topic}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        fill(stack, folder)
        yield stack


def tree(*arguments: str, code: int = 0) -> dict[str, Any]:
    found, out, err = call("explain", *arguments, "--json")
    assert found == code, out + err
    return dict(json.loads(out))


@pytest.mark.usefixtures("explained")
def test_a_version_is_followed_to_the_line_that_told_it() -> None:
    found = tree("AAPL", "2014-06-06")
    told = [
        (one["source"], one["known_from"], one["known_to"], one["raw"]["row"], one["raw"]["line"])
        for one in found["versions"]
    ]
    friday, monday = "2014-06-06T22:00:00Z", "2014-06-09T22:00:00Z"
    assert told == [
        ("pystock", friday, monday, 4, FRIDAY[2]),
        ("pystock", monday, None, 3, MONDAY[1]),
        ("wiki", "2014-07-01T00:00:00Z", None, 3, WIKI[1]),
    ]
    assert {one["raw"]["state"] for one in found["versions"]} == {"as loaded"}
    # each of another object, whose sidecar and body are as fetched
    objects = {one["object"]: one for one in found["objects"]}
    assert [objects[one["raw"]["object"]]["file"] for one in found["versions"]] == [
        "20140606.tar.gz",
        "20140609.tar.gz",
        "wiki.csv",
    ]
    for one in objects.values():
        assert (one["state"], one["sidecar"]["state"], one["body"]["state"]) == ("as fetched",) * 3
    assert objects[found["versions"][0]["raw"]["object"]]["fetched_at"] == "2014-06-06T22:00:00+00:00"


@pytest.mark.usefixtures("explained")
def test_the_choice_between_sources_is_told_with_its_reason() -> None:
    found = tree("us-apple", "2014-06-06")
    served, serving = found["served"], found["serving"]
    assert (served["source"], served["close"], served["volume"]) == ("pystock", "708", 1040)
    assert [one["source"] for one in serving["candidates"]] == ["pystock", "wiki"]
    assert serving["rule"].endswith("alpha_vantage, yahoo, any other by its name")
    assert served["confidence"] == "low"
    assert serving["because"] == "low: closes more than 1% apart: wiki 700, pystock 708"
    assert tree("AAPL", "2014-06-10")["serving"]["because"] == "medium: no other source tells it"
    # what one source told, and what another did not
    assert [one["source"] for one in tree("AAPL", "2014-06-06", "--source", "wiki")["versions"]] == ["wiki"]
    assert tree("AAPL", "2014-06-10", "--source", "pystock", code=42)["nothing"]["told_by"] == ["wiki"]


@pytest.mark.usefixtures("explained")
def test_a_factor_is_the_product_of_steps_that_each_have_a_line() -> None:
    found = tree("AAPL", "2014-06-06")
    assert [
        (one["kind"], one["ex_date"], one["raw"]["row"], one["raw"]["line"]) for one in found["actions"]
    ] == [
        ("dividend", "2014-06-10", 5, WIKI[3]),
        ("split", "2014-06-09", 4, WIKI[2]),
    ]
    steps = {one["basis"]: [step["step"] for step in one["steps"]] for one in found["adjusted"]}
    # the dividend of 1 after a close of 100, and of 97 on its day
    assert steps == {
        "raw": [],
        "split_adjusted": [1 / 7],
        "total_return_yahoo": [0.99, 1 / 7],
        "total_return_crsp": [97 / 98, 1 / 7],
    }
    factors = {one["basis"]: one["factor"] for one in found["adjusted"]}
    assert factors["total_return_yahoo"] == pytest.approx(0.99 / 7, rel=1e-15)
    assert factors["total_return_crsp"] == pytest.approx(97 / 98 / 7, rel=1e-15)
    assert [one["differs"] for one in found["adjusted"]] == [[], [], [], []]
    # on the day of the split it counts no more
    (later,) = [one for one in tree("AAPL", "2014-06-09")["adjusted"] if one["basis"] == "split_adjusted"]
    assert (later["factor"], later["steps"], later["close"]) == (1, [], "100")


@pytest.mark.usefixtures("explained")
def test_a_price_in_pence_says_by_what_it_was_divided() -> None:
    found = tree("OCDO", "2014-06-06")
    (one,) = found["serving"]["candidates"]
    assert (one["unit"], one["currency"], one["divisor"]) == ("GBp", "GBP", 100)
    assert (found["versions"][0]["close"], found["served"]["close"]) == ("349.25", "3.4925")
    code, out, _ = call("explain", "OCDO", "2014-06-06")
    assert code == 0
    assert "divided by 100 (GBp -> GBP)" in out


@pytest.mark.usefixtures("explained")
def test_a_basis_that_was_undone_is_told_with_what_undid_it() -> None:
    found = tree("MSFT", "2014-06-10")
    (version,) = found["versions"]
    assert (version["basis"], version["split_factor"], version["close"]) == ("split_adjusted", 2, "50")
    assert (found["served"]["close"], found["served"]["volume"]) == ("100", 100)
    told = {one["kind"]: one for one in found["actions"]}
    paid = told["dividend"]
    assert (paid["amount"], paid["as_told"]["amount"], paid["as_told"]["split_factor"]) == ("0.5", "0.25", 2)
    assert (paid["raw"]["row"], paid["raw"]["line"]) == (2, dividend("2014-06-12", 0.25))
    assert (told["split"]["ratio"], told["split"]["raw"]["line"]) == (2, split("2014-06-20", 2))
    # 1 - 0.5 / 100, and 99.5 / (99.5 + 0.5); the split halves
    factors = {one["basis"]: one["factor"] for one in found["adjusted"]}
    assert factors == {
        "raw": 1,
        "split_adjusted": 0.5,
        "total_return_yahoo": 0.4975,
        "total_return_crsp": 0.4975,
    }
    code, out, _ = call("explain", "MSFT", "2014-06-10")
    assert code == 0
    assert "told as 0.25 USD, basis split_adjusted, split_factor 2" in out


@pytest.mark.usefixtures("explained")
def test_people_get_a_tree_of_a_hundred_columns_with_raw_lines_whole() -> None:
    code, out, _ = call("explain", "AAPL", "2014-06-06")
    assert code == 0
    for line in (FRIDAY[2], MONDAY[1], *WIKI[1:]):
        assert f"── {line}\n" in out
    assert "total_return_yahoo: x 0.99 = 1 - 1 / 100, C of 2014-06-09" in out
    assert "split_adjusted: x 0.14285714285714285 = 1 / 7" in out
    long = [line for line in out.splitlines() if len(line) > 100]
    assert all(".csv" in line for line in long)


@pytest.mark.usefixtures("explained")
@pytest.mark.parametrize(
    ("name", "day", "told"),
    [
        ("pystock:AA", "2014-06-05", ["rejected: price_not_a_number", "line 2", "2014-06-06"]),
        ("MSFT", "2014-06-11", ["rejected: price_not_a_number", "line 3", "covers the day and has no bar"]),
        ("AA", "2014-06-07", ["no session of XNYS", "not served: pystock: closed_day", MONDAY[0]]),
        ("AAPL", "2014-06-11", ["not fetched", "a session of XNAS", "2014-06-10"]),
        ("FB", "2014-06-06", ["FB 2014-06-06 (us-meta)", "no bar of this instrument at all"]),
        ("META", "2014-06-06", ["FB 2014-06-06 (us-meta)", "META was called FB on 2014-06-06"]),
    ],
)
def test_a_day_without_a_bar_says_what_is_known_and_is_exit_code_42(
    name: str, day: str, told: list[str]
) -> None:
    code, out, _ = call("explain", name, day)
    assert code == 42
    for words in told:
        assert words in out


@pytest.mark.usefixtures("explained")
def test_an_unknown_instrument_is_an_error_with_the_nearest() -> None:
    for name, near in (("pystock:AB", "pystock:AA"), ("APPL", "AAPL")):
        code, out, err = call("explain", name, "2014-06-06")
        assert (code, out) == (2, "")
        assert f"no instrument is called {name}" in err
        assert near in err


def test_an_object_that_is_not_what_was_loaded_is_told(explained: Stack) -> None:
    version = tree("OCDO", "2014-06-06")["versions"][0]
    key, row, line = (version["raw"][name] for name in ("object", "row", "line"))
    client, place = s3_client(explained.settings), {"Bucket": "raw", "Key": f"{explained.topic}/{key}"}
    content = client.get_object(**place)["Body"].read()
    client.put_object(**place, Body=content.replace(b"349.25,500", b"349.35,500"))
    code, out, _ = call("explain", "OCDO", "2014-06-06")
    assert code == 1
    assert f"line {row}, not as loaded" in out
    assert line in out
    assert line.replace("349.25,500", "349.35,500") in out
    assert tree("OCDO", "2014-06-06", code=1)["problems"] == [
        "silver.bars_1d has close 349.25 of pystock, its line says 349.35",
        f"{key}: changed",
        f"{key} line {row}: not as loaded",
    ]
    client.delete_object(**place)
    found = tree("OCDO", "2014-06-06", code=1)
    assert found["versions"][0]["raw"] == version["raw"] | {"line": None, "state": "gone"}
    assert f"{key}: gone" in found["problems"]
    client.put_object(**place, Body=content)
    assert tree("OCDO", "2014-06-06")["versions"][0] == version


def test_a_factor_that_its_actions_do_not_make_is_told(explained: Stack) -> None:
    from delta.tables import DeltaTable

    url = url_of("gold.adjusted_bars_1d", explained.settings).replace("s3://", "s3a://")
    wrong = "instrument_id = 'us-apple' AND session = '2014-06-05' AND basis = 'split_adjusted'"
    DeltaTable.forPath(explained.spark, url).update(wrong, {"factor": "0.5D"})
    found = tree("AAPL", "2014-06-05", code=1)
    assert found["problems"] == [
        "split_adjusted: gold.adjusted_bars_1d has factor 0.5, its actions make 0.14285714285714285"
    ]
