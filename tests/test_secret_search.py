"""The search for the key finds it where it is."""

import gzip
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from jobs.lake.alerts import Alerts
from tapehouse.vendors import s3_client
from tests import secret_search
from tests.stack import Stack, call


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
    with (folder / "d.index").open("wb") as reserved:  # as Kafka reserves what it has not written yet
        reserved.truncate(16 << 20)
        reserved.seek(5_000_000)
        reserved.write(b"ANOTHER0KEY")
    client, name = s3_client(stack.settings), uuid.uuid4().hex
    client.put_object(Bucket="raw", Key=name, Body=gzip.compress(b"ANOTHER0KEY"))
    with closing(Alerts(stack.settings)) as alerts:
        alerts.open("a_drill", "of the search", found="ANOTHER0KEY", remedy="none")
        found = secret_search.find_secret(folder, stack.environment)
        alerts.close_alert("a_drill", "of the search")
    client.delete_object(Bucket="raw", Key=name)
    assert sorted(found) == [
        str(folder / "a.log"),
        str(folder / "b.json.gz"),
        str(folder / "d.index"),
        "the ledger's table alerts",
        f"the object {name}",
    ]


def test_the_key_is_found_in_outputs_and_command_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_search, "SECRET", "ANOTHER0KEY")
    monkeypatch.setattr(secret_search, "SAID", said := [])
    call("ANOTHER0KEY")
    program = [sys.executable, "-c", "print(flush=True); input()", "ANOTHER0KEY"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs: its command line is empty for a moment after Popen has returned
        secret_search.look_at_command_lines()
        process.kill()
    assert said == ["the output of tapehouse ANOTHER0KEY", f"the command line of process {process.pid}"]
