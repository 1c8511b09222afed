"""The exporter as a process: what it serves, to whom, and how it ends."""

import http.client
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.monitoring.conftest import Numbers
from tests.monitoring.lakehouse import Lakehouse
from tests.processes import Program
from tests.stack import call

Read = Callable[[str], Numbers]


@pytest.fixture
def start(named: Lakehouse, tmp_path: Path) -> Iterator[Callable[..., tuple[Program, str]]]:
    """Start an exporter of its own process; it, and the address of its page."""
    started = []

    def begin(**environment: str) -> tuple[Program, str]:
        command = [sys.executable, "-m", "tapehouse", "metrics", "--port", "0", "--every", "1"]
        exporter = Program(
            command, log=tmp_path / "exporter.log", environment=named.environment | environment
        )
        started.append(exporter)
        exporter.wait_for(lambda: "/metrics" in exporter.output, what="an address", seconds=60)
        return exporter, exporter.output[exporter.output.index("http://") :].split()[0]

    yield begin
    for exporter in started:
        exporter.kill()


def seconds_to_end(exporter: Program) -> float:
    began = time.monotonic()
    os.kill(exporter.process.pid, signal.SIGTERM)
    assert exporter.ended(seconds=10) == 0
    return time.monotonic() - began


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return str(answer.read().decode())


@pytest.mark.long
def test_the_server_shows_the_page_alone_and_ends_soon(
    start: Callable[..., tuple[Program, str]], numbers: Read
) -> None:
    exporter, address = start()
    last = ("tapehouse_warehouse_version", "gold.bars_1m")
    exporter.wait_for(lambda: last in numbers(get(address)), what="all parts", seconds=60)
    assert numbers(get(address))["tapehouse_messages_total",] == 15
    for method, path, status in (("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/metrics", 501)):
        connection = http.client.HTTPConnection(address.split("/")[2], timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, b"Traceback" in answer.read()) == (status, False)
        connection.close()
    assert seconds_to_end(exporter) < 5


@pytest.mark.long
def test_a_store_that_says_nothing_holds_up_neither_the_page_nor_the_end(
    start: Callable[..., tuple[Program, str]], numbers: Read
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        exporter, address = start(AWS_ENDPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = ("tapehouse_look_success_timestamp_seconds", "kafka")
        exporter.wait_for(lambda: before in numbers(get(address)), what="the parts before it", seconds=60)
        found = numbers(get(address))
        assert (found["tapehouse_look_failed", "kafka"], found["tapehouse_look_failed", "lake"]) == (0, 1)
        assert seconds_to_end(exporter) < 5


@pytest.mark.usefixtures("named")
def test_a_busy_port_is_named_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, err = call("metrics", "--port", other.getsockname()[1])
    assert code == 1
    assert "remedy: stop what listens there" in err
