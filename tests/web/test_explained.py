"""A question costs a process: only what can be answered starts one, and it ends with whoever asked."""

import asyncio
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from tapehouse.web import explained
from tapehouse.web.app import Server
from tapehouse.web.explained import GONE, Answer, Explanations
from tapehouse.web.guards import Guard
from tests.web.lake import PageLake


async def never(*_: object) -> Answer:
    await asyncio.sleep(30)
    return Answer(200, "")


async def is_gone() -> bool:
    return await asyncio.sleep(0, result=True)


def test_an_explanation_ends_when_whoever_asked_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained, "_explain", never)
    explanations, began = Explanations(), time.monotonic()
    assert asyncio.run(explanations.ask("AAPL", "2026-11-24", is_gone)) is GONE
    assert time.monotonic() - began < 5
    assert explanations._running == 0


@pytest.mark.parametrize(
    ("name", "when", "day"),
    [
        ("AAPL", "2026-11-24", date(2026, 11, 24)),
        ("AAPL", "2026-11-24T15:30Z", date(2026, 11, 24)),
        ("AAPL", "2026-02-30", None),
        ("AAPL", "soon", None),
        ("--frames", "2026-11-24", None),
    ],
)
def test_a_question_is_a_symbol_and_a_day_that_there_is(name: str, when: str, day: date | None) -> None:
    assert explained.day_asked(name, when) == day


def got(app: Any, path: str, *headers: tuple[bytes, bytes]) -> int:
    """The status of an answer."""
    said: list[Message] = []

    def receive() -> "asyncio.Future[Message]":
        gone = asyncio.get_running_loop().create_future()
        gone.set_result({"type": "http.disconnect"})
        return gone

    async def send(message: Message) -> None:
        await asyncio.sleep(0, said.append(message))

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": ""}
    scope |= {"query_string": b"", "headers": [(b"host", b"localhost"), *headers]}
    asyncio.run(app(scope, receive, send))
    return int(said[0]["status"])


def test_a_symbol_that_nobody_knows_starts_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "_explain", never)
    server = Server(PageLake.in_folder(tmp_path).settings, most_clients=2)
    server.health.watches["listings"].look_once()
    app = server.app([])
    assert got(app, "/explained/NOSUCH/2026-11-24") == 404
    assert got(app, "/explained/AAPL/2026-11-24") == GONE.status


@pytest.mark.parametrize(
    ("path", "site", "status"),
    [
        ("/events", b"cross-site", 403),
        ("/explained/AAPL/2026-11-24", b"cross-site", 403),
        ("/events", b"same-origin", 200),
        ("/", b"cross-site", 200),
    ],
)
def test_what_is_dear_is_not_for_pages_of_other_sites(path: str, site: bytes, status: int) -> None:
    assert got(Guard(PlainTextResponse("ok"), lambda: None), path, (b"sec-fetch-site", site)) == status
