"""What a browser's stream does while a chart fails or hangs, and that nothing of it is left when it goes."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.requests import Request

from tapehouse.web import drawing
from tapehouse.web.app import UNKNOWN, Server
from tapehouse.web.bars import Key
from tapehouse.web.clients import Clients
from tests.web.lake import SOURCE, PageLake, bar

AAPL = Key(SOURCE, "us-apple")
Events = AsyncGenerator[dict[str, Any]]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    lake = PageLake.in_folder(tmp_path)
    lake.commit(bar(0, "11"))
    made = Server(lake.settings, most_clients=2)
    made.market.look()
    return made


def follow(server: Server, chart: Callable[[], dict[str, Any]]) -> Events:
    return cast("Events", server.clients.follow(AAPL, chart))


async def names_until(events: Events, last: str) -> list[str]:
    found: list[str] = []
    async for event in events:
        found.append(event["event"])
        if event["event"] == last:
            break
    return found


def viewers(server: Server) -> int:
    return sum(series.viewers for series in server.market._series.values())


def judged(clients: Clients) -> "asyncio.Task[None]":
    return asyncio.create_task(clients.judge())


def test_a_chart_that_fails_is_told_and_the_rest_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "AGAIN_AFTER", 0.1)
    answers = iter([OSError("away"), {"view": "live"}])

    def chart() -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def look() -> list[str]:
        server.clients.bell.open()
        judging, events = judged(server.clients), follow(server, chart)
        found = await asyncio.wait_for(names_until(events, "chart"), 10)
        await events.aclose()
        judging.cancel()
        return found

    found = asyncio.run(look())
    assert found[:3] == ["hello", "chart-failed", "list"]
    assert (found[-1], viewers(server)) == ("chart", 0)


def test_what_failed_is_said_in_words(server: Server) -> None:
    def chart() -> dict[str, Any]:
        raise OSError("away")

    async def look() -> str:
        events = follow(server, chart)
        async for event in events:
            if event["event"] == "chart-failed":
                await events.aclose()
                return str(json.loads(event["data"]))
        return ""

    assert asyncio.run(look()) == "the chart cannot be drawn: OSError; see the page's log"


def test_charts_that_hang_keep_no_beat_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "FIRST_WITHIN", 0.1)
    is_over = threading.Event()

    def chart() -> dict[str, Any]:
        is_over.wait(30)
        return {}

    async def look() -> list[str]:
        hanging = [asyncio.create_task(asyncio.to_thread(is_over.wait, 30)) for _ in range(64)]
        judging, events = judged(server.clients), follow(server, chart)
        try:
            return await asyncio.wait_for(names_until(events, "beat"), 10)
        finally:
            is_over.set()
            await asyncio.gather(*hanging)
            await events.aclose()
            judging.cancel()

    assert asyncio.run(look()) == ["hello", "list", "health", "beat"]


def test_a_browser_that_leaves_during_the_load_is_no_viewer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(server.market, "load", lambda _: is_over.wait(30))

    async def look() -> int:
        looking = asyncio.create_task(names_until(follow(server, dict), "beat"))
        await asyncio.sleep(0.3)
        during = viewers(server)
        looking.cancel()
        await asyncio.wait([looking])
        is_over.set()
        return during

    assert asyncio.run(look()) == 1
    assert viewers(server) == 0


def request(path: str, query: str = "") -> Request:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    return Request(scope)


def test_places_are_counted_before_anybody_waits(server: Server) -> None:
    async def ask() -> list[int]:
        answers = await asyncio.gather(*[server._events(request("/events")) for _ in range(4)])
        return [answer.status_code for answer in answers]

    assert asyncio.run(ask()) == [200, 200, 503, 503]


def test_a_symbol_that_nobody_knows_takes_no_place(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_find", lambda _: None)

    async def ask() -> list[Any]:
        return [await server._events(request("/events", "symbol=NOSUCH")) for _ in range(3)]

    assert asyncio.run(ask()) == [UNKNOWN] * 3
    assert not server.clients.is_full
