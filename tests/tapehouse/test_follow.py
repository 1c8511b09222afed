"""`tapehouse follow` and `unfollow` change the instruments file, and nothing else in it."""

import json
from pathlib import Path

import pytest

from jobs.lake.instruments import read_instruments
from tapehouse.paths import ROOT
from tests.stack import call

ORIGINAL = (ROOT / "conf" / "instruments.yaml").read_text()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "instruments.yaml"
    copy.write_text(ORIGINAL)
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(copy))
    return copy


def follow(command: str, *arguments: str) -> dict[str, list[str]]:
    code, out, err = call(command, *arguments, "--json")
    assert code == 0, err
    found: dict[str, list[str]] = json.loads(out)
    return found


def test_what_is_followed_and_no_longer_leaves_the_file_as_it_was(file: Path) -> None:
    # the last instrument of the file too: a comment follows it
    wanted = ("--symbols", "FB,BRK.B,BTC-USD", "--dataset", "1d")
    found = follow("follow", *wanted, "--from", "2020-01-02")
    assert list(found) == ["us-meta", "us-berkshire-b", "crypto-bitcoin-usd"]
    assert all(entries == ["yahoo 1d from 2020-01-02"] for entries in found.values())
    changed = file.read_text().splitlines()
    assert [line for line in changed if line not in ORIGINAL.splitlines()] == [
        "    follow:",
        "      - {source: yahoo, dataset: 1d, from: 2020-01-02}",
    ] * 3
    assert len(read_instruments(file).followed) == 3
    follow("unfollow", *wanted, "--from", "2020-01-02")
    assert file.read_text() == ORIGINAL


@pytest.mark.usefixtures("file")
def test_spans_that_meet_become_one_and_what_is_past_stays() -> None:
    wanted = ("--symbols", "AAPL", "--dataset", "1m", "--source", "alpha_vantage")
    follow("follow", *wanted, "--from", "2021-01-04", "--to", "2021-07-01")
    assert follow("follow", *wanted, "--from", "2021-07-01") == {
        "us-apple": ["alpha_vantage 1m from 2021-01-04"]
    }
    follow("follow", "--symbols", "AAPL", "--dataset", "stream", "--from", "2022-01-03")
    assert follow("unfollow", *wanted, "--from", "2023-01-03") == {
        "us-apple": ["alpha_vantage 1m from 2021-01-04 to 2023-01-03", "yahoo stream from 2022-01-03"]
    }
    assert follow("follow", *wanted, "--from", "2024-01-02") == {
        "us-apple": [
            "alpha_vantage 1m from 2021-01-04 to 2023-01-03",
            "yahoo stream from 2022-01-03",
            "alpha_vantage 1m from 2024-01-02",
        ]
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--symbols", "APPL", "--dataset", "1d"), "near it: AAPL"),
        (("--symbols", "BTC-USD", "--dataset", "1d", "--source", "alpha_vantage"), "none at any time"),
        (
            ("--symbols", "TSLA", "--dataset", "1d", "--from", "2000-01-03", "--to", "2001-01-02"),
            "from 2010-06-29",
        ),
        (
            ("--symbols", "TSLA", "--dataset", "1d", "--from", "2021-01-03", "--to", "2021-01-03"),
            "holds no day",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_and_the_file_untouched(
    file: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, _, err = call("follow", *arguments)
    assert code == 2
    assert says in err
    assert file.read_text() == ORIGINAL
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("comment", ["\n    # asked for by the desk", "  # asked for by the desk"])
def test_no_comment_is_lost(file: Path, comment: str) -> None:
    between = f"    follow:\n      - {{source: yahoo, dataset: 1d, from: 2020-01-02}}{comment}\n"
    file.write_text(ORIGINAL.replace("  - instrument_id: us-amd\n", "  - instrument_id: us-amd\n" + between))
    before = file.read_text()
    code, _, err = call("unfollow", "--symbols", "AMD", "--dataset", "1d", "--from", "2020-01-02")
    assert (code, file.read_text()) == (2, before)
    assert "# asked for by the desk" in err
