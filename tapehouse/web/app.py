"""The server of the live page: its addresses, and what each answers."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tapehouse.web.assets import find_assets
from tapehouse.web.bars import Key, Named
from tapehouse.web.charts import BASES, Charts
from tapehouse.web.clients import Clients
from tapehouse.web.counts import Counts
from tapehouse.web.drawing import Event
from tapehouse.web.explained import BUSY, NO_QUESTION, Explanations, day_asked
from tapehouse.web.guards import Guard
from tapehouse.web.health import Health
from tapehouse.web.listings import Listings, Meant
from tapehouse.web.market import Market

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from jobs.lake.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost")
RETRY_AFTER = {"retry-after": "5"}
LONGEST_NAME = 40
SEND_WITHIN = 10.0  # seconds for one event: a browser that takes none is let go
UNKNOWN = PlainTextResponse("no instrument is called so\n", 404)


class Server:
    """One page of one lakehouse."""

    def __init__(self, settings: "Settings", *, most_clients: int) -> None:
        self.market = Market(settings, lambda: self.clients.bell.ring())
        self._listings = Listings(settings)
        self.health = Health(settings, self.market, self._listings, lambda: self.clients.bell.ring())
        self.counts = Counts(self.health.watches.values())
        self.clients = Clients(self.market, self.health, self.counts, most=most_clients)
        self._charts = Charts(settings, self._listings)
        self._explanations = Explanations()

    def app(self, hosts: Sequence[str]) -> Starlette:
        """The application; it looks for as long as it runs."""
        routes = [
            Route("/", self._page),
            Route("/explain/{name:path}", self._page),
            Route("/explained/{name:path}/{when}", self._explained),
            Route("/static/{name}", self._static),
            Route("/events", self._events),
            Route("/bars/{name:path}", self._bars),
            Route("/symbols", self._symbols),
            Route("/metrics", self._metrics),
            Route("/healthz", self._healthz),
        ]
        guards = [
            Middleware(Guard, failed=self.counts.errors.inc),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, *hosts], www_redirect=False),
        ]
        return Starlette(routes=routes, middleware=guards, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None, None]:
        self.clients.bell.open()
        self.health.start()
        judging = asyncio.create_task(self.clients.judge())
        try:
            yield
        finally:
            judging.cancel()
            self.health.stop()

    async def _page(self, request: "Request") -> Response:
        is_explanation = request.url.path.startswith("/explain/")
        return _answer(request, "explain.html" if is_explanation else "page.html")

    async def _static(self, request: "Request") -> Response:
        return _answer(request, request.path_params["name"])

    async def _events(self, request: "Request") -> Response:
        if self.clients.is_full:
            # a browser that asks why it was refused was counted when it was
            if "text/plain" not in request.headers.get("accept", ""):
                self.counts.refused.inc()
            return PlainTextResponse("too many browsers look at this page\n", BUSY, headers=RETRY_AFTER)
        with ExitStack() as place:
            place.enter_context(self.clients.counted())
            name = request.query_params.get("symbol")
            meant = await asyncio.to_thread(self._find, name) if name else None
            if name and meant is None:
                return UNKNOWN
            events = self._follow(meant, request.query_params.get("source"))
            return _Stream(events, place.pop_all())

    def _follow(self, meant: Meant | None, wanted: str | None) -> AsyncIterator[Event]:
        if meant is None:
            return self.clients.follow(None, None)
        sources = self.market.sources_of(meant.instrument_id)
        source = wanted if wanted in sources else sources[0] if sources else ""
        key = Key(source, meant.instrument_id)

        def chart() -> dict[str, Any]:
            known, bars = self.market.sources_of(meant.instrument_id), self.market.bars(key)
            return self._charts.live(meant, key, bars, known, self.market.currency_of(key))

        return self.clients.follow(key, chart)

    async def _bars(self, request: "Request") -> Response:
        """The chart of minutes or days, which is asked for again when its table has another version."""
        view, basis = request.query_params.get("view"), request.query_params.get("basis", "raw")
        if view not in {"minute", "day"} or basis not in BASES:
            return PlainTextResponse(f"view is minute or day, basis one of {', '.join(BASES)}\n", 400)
        meant = await asyncio.to_thread(self._find, request.path_params["name"])
        if meant is None:
            return UNKNOWN
        found = (
            await asyncio.to_thread(self._charts.minutes, meant)
            if view == "minute"
            else await asyncio.to_thread(self._charts.days, meant, basis)
        )
        return _json(found)

    async def _symbols(self, request: "Request") -> Response:  # ruff: ignore[unused-method-argument]
        """What has a history or is listed; what streams is told by events."""
        named = await asyncio.to_thread(self._listings.named)
        return _json({"days": self.health.days.wire(), "listed": [[k, *v] for k, v in named.items()]})

    async def _explained(self, request: "Request") -> Response:
        name, when = request.path_params["name"], request.path_params["when"]
        day = day_asked(name, when)
        if day is None:
            return PlainTextResponse(NO_QUESTION.text, NO_QUESTION.status)
        if await asyncio.to_thread(self._find, name, day) is None:
            return UNKNOWN
        answer = await self._explanations.ask(name, when, request.is_disconnected)
        headers = RETRY_AFTER if answer.status == BUSY else None
        return PlainTextResponse(answer.text, answer.status, headers=headers)

    async def _metrics(self, request: "Request") -> Response:  # ruff: ignore[unused-method-argument]
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        return Response(self.counts.render(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def _healthz(self, request: "Request") -> Response:  # ruff: ignore[unused-method-argument]
        """Whether the page itself is well: 503 where it can not look at the bars."""
        watch = self.health.watches["bars"]
        return PlainTextResponse(
            "ok\n" if watch.is_known else f"{watch.why}\n", 200 if watch.is_known else 503
        )

    def _find(self, name: str, day: date | None = None) -> Meant | None:
        if len(name) > LONGEST_NAME:
            return None
        streamed = [Named(key[1], one.symbol, one.mic) for key, one in self.market.newest()]
        return self._listings.find(name, [*streamed, *self.health.days.named()], day=day)


class _Stream(EventSourceResponse):
    """Events, whose browser gives back its place when it has gone, even before the first one."""

    def __init__(self, events: AsyncIterator[Event], place: ExitStack) -> None:
        super().__init__(events, ping=0, send_timeout=SEND_WITHIN, sep="\n")
        self._place = place

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        with self._place:
            await super().__call__(scope, receive, send)


def _answer(request: "Request", name: str) -> Response:
    asset = find_assets().get(name)
    if asset is None:
        return PlainTextResponse("there is nothing here\n", 404)
    headers = {"content-type": asset.kind, "etag": asset.tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers=headers)


def _json(found: Any) -> Response:
    return Response(json.dumps(found, default=str), media_type="application/json")
