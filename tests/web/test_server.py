"""What the page's server answers, to whom, and how it starts and ends: without a browser."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tapehouse.measuring.catalogue import PAGE
from tests.stack import call
from tests.web.conftest import MARKUP, Served
from tests.web.lake import OPEN, PageLake, bar

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@contextmanager
def asked(
    served: Served, path: str, *, method: str = "GET", host: str | None = None
) -> Generator[http.client.HTTPResponse, None, None]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        yield connection.getresponse()
    finally:
        connection.close()


def answer(served: Served, path: str, **how: str) -> tuple[int, str]:
    with asked(served, path, **how) as response:
        return response.status, response.read().decode()


@pytest.mark.parametrize(
    "path",
    ["/", "/explain/AAPL/2026-11-24", "/static/page.js", "/bars/AAPL?view=day", "/nothing", "/metrics"],
)
def test_every_answer_has_the_headers_of_safety(served: Served, path: str) -> None:
    with asked(served, path) as response:
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
        assert "server" not in response.headers
        assert response.headers["cache-control"] in {"no-store", "no-cache"}


def test_a_foreign_host_is_refused(served: Served) -> None:
    assert answer(served, "/", host="evil.example")[0] == 400
    assert answer(served, "/", host=f"localhost:{served.port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_get_is_answered(served: Served, method: str) -> None:
    assert answer(served, "/", method=method) == (405, "only GET is answered here\n")


def test_head_is_get_without_a_body(served: Served) -> None:
    for path in ("/", "/events", "/metrics"):
        assert answer(served, path, method="HEAD") == (200, "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/bars/NOSUCH?view=day", 404),
        ("/bars/AAPL?view=year", 400),
        ("/bars/AAPL?view=day&basis=guessed", 400),
        ("/events?symbol=NOSUCH", 404),
        (f"/events?symbol={'A' * 41}", 404),
        ("/static/..%2Fapp.py", 404),
        ("/static/page.md", 404),
        (f"/{'a' * 2001}", 414),
        ("/explained/AAPL/soon", 404),
        ("/explained/--frames/2026-11-24", 404),
        ("/explained/AAPL/2026-02-30", 404),
        ("/explained/NOSUCH/2026-11-24", 404),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_words(served: Served, path: str, status: int) -> None:
    found, text = answer(served, path)
    assert found == status
    assert "Traceback" not in text


def test_symbols_are_found_by_any_spelling_and_id(served: Served) -> None:
    for name in ("AAPL", "aapl", "us-apple"):
        found = json.loads(answer(served, f"/bars/{name}?view=day")[1])
        assert (found["instrument"], found["symbol"]) == ("us-apple", "AAPL")


def test_more_browsers_than_are_allowed_are_asked_to_come_again(few: Served) -> None:
    with asked(few, "/events") as first, asked(few, "/events") as second:
        assert (first.read(6), second.read(6)) == (b"event:", b"event:")
        with asked(few, "/events") as third:
            assert (third.status, third.headers["retry-after"]) == (503, "5")
    deadline = time.monotonic() + 10
    while answer_begins(few) != 200:
        assert time.monotonic() < deadline


def answer_begins(served: Served) -> int:
    with asked(served, "/events") as response:
        return response.status


def events(response: http.client.HTTPResponse, *, until: str) -> dict[str, list[str]]:
    """The data of the events by name, until the first of one name."""
    found: dict[str, list[str]] = {}
    while True:
        lines = list(iter(lambda: response.readline().decode().strip(), ""))
        told = dict(one.split(": ", 1) for one in lines)
        found.setdefault(told["event"], []).append(told["data"])
        if told["event"] == until:
            return found


def test_a_stream_says_all_and_then_only_what_changed(served: Served, lake: PageLake) -> None:
    with asked(served, "/events?symbol=MSFT") as response:
        first = events(response, until="beat")
        (chart,) = map(json.loads, first["chart"])
        assert (chart["instrument"], chart["basis"]) == ("us-microsoft", "raw")
        (symbols,) = map(json.loads, first["list"])
        assert symbols["whole"]
        assert MARKUP in {row[2] for row in symbols["rows"]}
        assert {box["id"] for box in json.loads(first["health"][0])} >= {
            "sum",
            "job",
            "feed",
            "stream_tables",
        }
        lake.commit(bar(40, "77", symbol="MSFT"))
        changed = events(response, until="list")
        (bars,) = map(json.loads, changed["bars"])
        assert [(row[0], row[4]) for row in bars] == [(int(OPEN.timestamp()) + 40 * 60, 77.0)]
        assert [row[2] for row in json.loads(changed["list"][0])["rows"]] == ["MSFT"]


def test_the_page_counts_itself_for_prometheus(served: Served) -> None:
    families = list(text_string_to_metric_families(answer(served, "/metrics")[1]))
    shown = {family.name for family in families if family.name.startswith("tapehouse_page")}
    assert shown == {name.removesuffix("_total") for name in PAGE}
    kinds = {family.name: family.type for family in families}
    assert all(kinds[name.removesuffix("_total")] == metric.kind for name, metric in PAGE.items())


def test_it_says_whether_it_is_well(served: Served) -> None:
    assert answer(served, "/healthz") == (200, "ok\n")


def test_sigterm_ends_it_with_exit_code_0_even_while_somebody_looks(lake: PageLake, tmp_path: Path) -> None:
    served = Served(lake, tmp_path)
    try:
        with asked(served, "/events") as response:
            assert response.read(6) == b"event:"
            served.signal(signal.SIGTERM)
            assert served.program.ended(seconds=10) == 0
        assert "Traceback" not in served.program.output
    finally:
        served.program.kill()


def test_a_port_that_is_used_is_named_with_the_remedy(lake: PageLake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, lake.named():
        port = other.getsockname()[1]
        code, out, err = call("page", "--port", port)
    assert (code, out) == (1, "")
    assert f"error: the page cannot be shown at 127.0.0.1:{port}\nfound: " in err
    assert "remedy: stop what listens there" in err


def test_an_address_that_browsers_could_not_call_it_by_is_refused(lake: PageLake) -> None:
    with lake.named():
        code, out, err = call("page", "--host", "::1", "--port", "0")
    assert (code, out) == (2, "")
    assert "error: the page listens at names and IPv4 addresses\nfound: --host ::1\nremedy: " in err
