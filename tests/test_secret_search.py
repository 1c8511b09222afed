"""The search for the key finds it where it is."""

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from jobs.lake.alerts import Alerts
from tests import secret_search
from tests.stack import Stack


def test_the_key_is_found_in_files_objects_and_rows_of_the_ledger(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # not the one that the run is searched for at its end
    monkeypatch.setattr(secret_search, "SECRET", "ANOTHER0KEY")
    folder = tmp_path / "searched"
    folder.mkdir()
    (folder / "a.log").write_text("GET /query?apikey=ANOTHER0KEY")
    (folder / "b.json.gz").write_bytes(gzip.compress(b"ANOTHER0KEY"))
    (folder / "c.log").write_text("GET /query?apikey=(key)")
    with closing(Alerts(stack.settings)) as alerts:
        alerts.open("a_drill", "of the search", found="ANOTHER0KEY", remedy="none")
        found = secret_search.find_secret(folder, stack.environment)
        alerts.close_alert("a_drill", "of the search")
    assert sorted(found) == [str(folder / "a.log"), str(folder / "b.json.gz"), "the ledger's table alerts"]
