"""A real Prometheus that scrapes the real exporter: panels and rules are answered; and alerts reach a webhook."""

import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tapehouse.services.ports import find_ports
from tests.monitoring.files import ALERTMANAGER, PROMETHEUS, alerts, program, queries
from tests.monitoring.lakehouse import Lakehouse
from tests.processes import Program
from tests.stack import call

pytestmark = pytest.mark.long

# of a lakehouse that only stands, nothing comes within these
MAY_BE_EMPTY = {
    "tapehouse-pipeline / Rejected, last hour A",
    "tapehouse-pipeline / Time of a batch B",
}


class Asked:
    """Prometheus by its API."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._address}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def result(self, query: str) -> list[dict[str, Any]]:
        return list(self.get("query", query=query)["result"])

    def knows(self, query: str) -> bool:
        try:
            return bool(self.result(query))
        except OSError:
            return False


def stop(started: Program) -> None:
    if started.process.poll() is None:
        os.kill(started.process.pid, signal.SIGTERM)
        started.ended(seconds=20)


@pytest.fixture(scope="module")
def asked(lakehouse: Lakehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    server, folder = program("prometheus"), tmp_path_factory.mktemp("prometheus")
    ports = find_ports(["exporter", "prometheus"])
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(PROMETHEUS / "rules" / "*.yml")]
    del configuration["alerting"]
    (job,) = [job for job in configuration["scrape_configs"] if job["job_name"] == "tapehouse"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{ports['exporter']}"]}]
    configuration["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    exporter = Program(
        [sys.executable, "-m", "tapehouse", "metrics", "--port", str(ports["exporter"]), "--every", "1"],
        log=folder / "exporter.log",
        environment=lakehouse.environment,
    )
    address = f"127.0.0.1:{ports['prometheus']}"
    prometheus = Program(
        [
            server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        log=folder / "prometheus.log",
        environment={},
    )
    try:
        found = Asked(f"http://{address}")
        twice = "count_over_time(tapehouse_warehouse_version[1m]) >= 3"
        prometheus.wait_for(lambda: found.knows(twice), what="what the exporter shows", seconds=90)
        yield found
    finally:
        stop(prometheus)
        stop(exporter)


def test_every_panels_query_is_answered_with_data(asked: Asked) -> None:
    empty = {panel for panel, query in queries() if not asked.result(query)}
    assert empty == MAY_BE_EMPTY


def test_every_rule_can_be_worked_out(asked: Asked) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rules = [rule for group in asked.get("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] == "ok" for rule in rules):
            break
        time.sleep(0.5)
    assert {
        rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok" and "lastError" in rule
    } == {}
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in alerts()}
    state = {rule["name"]: rule["state"] for rule in rules}
    # the warehouse of the lakehouse differs, and its stream does not run while quotes are expected
    assert (state["WarehouseDiffers"], state["StreamStopped"]) == ("firing", "pending")
    assert (state["ExporterDown"], state["LookFailed"], state["DiskNearlyFull"]) == ("inactive",) * 3


def test_what_the_exporter_shows_is_clean(lakehouse: Lakehouse) -> None:
    promtool = program("promtool")
    with lakehouse.named():
        _, page, _ = call("metrics", "--once")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_alertmanager_tells_the_webhook_of_the_setting(tmp_path: Path) -> None:
    server = program("prometheus-alertmanager")
    ports = find_ports(["alertmanager", "webhook"])
    told: queue.Queue[dict[str, Any]] = queue.Queue()

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))) | {"path": self.path})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    receiver = http.server.HTTPServer(("127.0.0.1", ports["webhook"]), Webhook)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    configuration = tmp_path / "alertmanager.yml"
    written = (ALERTMANAGER / "alertmanager.yml").read_text()
    configuration.write_text(written.replace("group_wait: 30s", "group_wait: 0s"))
    address = f"127.0.0.1:{ports['alertmanager']}"
    started = Program(
        [
            *("sh", ALERTMANAGER / "start.sh", f"--storage.path={tmp_path / 'data'}"),
            *(f"--web.listen-address={address}", "--cluster.listen-address="),
        ],
        log=tmp_path / "alertmanager.log",
        environment={
            "TMPDIR": str(tmp_path),
            "ALERTMANAGER": server,
            "TAPEHOUSE_ALERTMANAGER_CONFIG": str(configuration),
            "TAPEHOUSE_ALERT_WEBHOOK": f"http://127.0.0.1:{ports['webhook']}/it's-told",
        },
    )
    try:
        alert = json.dumps([{"labels": {"alertname": "TableLate", "table": "silver.quotes"}}]).encode()
        request = urllib.request.Request(
            f"http://{address}/api/v2/alerts", data=alert, headers={"Content-Type": "application/json"}
        )
        started.wait_for(lambda: sends(request), what="the alert taken", seconds=30)
        found = told.get(timeout=20)
        assert (found["path"], found["status"]) == ("/it's-told", "firing")
        assert found["alerts"][0]["labels"]["table"] == "silver.quotes"
        (kept,) = tmp_path.glob("tmp.*/alertmanager.yml")
        assert oct(kept.stat().st_mode & 0o777) == "0o600"
        environment = Path(f"/proc/{started.process.pid}/cmdline").read_bytes()
        assert rb"told" not in environment
    finally:
        stop(started)
        receiver.shutdown()
        receiver.server_close()


def sends(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
