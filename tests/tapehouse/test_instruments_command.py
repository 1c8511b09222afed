"""`tapehouse instruments` lists what is in the file, without any service."""

import json
from pathlib import Path

import pytest

from tapehouse.paths import ROOT
from tests.stack import call


def test_instruments_are_listed_as_they_were_called_on_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "instruments.yaml"
    text = (ROOT / "conf" / "instruments.yaml").read_text()
    meta = "  - instrument_id: us-meta\n"
    follow = "    follow:\n      - {source: yahoo, dataset: 1d, from: 2020-01-02, to: 2021-01-04}\n"
    file.write_text(text.replace(meta, meta + follow))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    for day, symbol, followed in (("2020-06-01", "FB", ["yahoo 1d"]), ("2026-11-26", "META", [])):
        code, out, err = call("instruments", "--on", day, "--json")
        assert code == 0, err
        (found,) = [one for one in json.loads(out) if one["instrument_id"] == "us-meta"]
        assert (found["symbol"], found["vendor_symbols"]["yahoo"], found["followed"]) == (
            symbol,
            symbol,
            followed,
        )
    code, out, _ = call("instruments")
    assert code == 0
    assert "us-berkshire-b" in out
