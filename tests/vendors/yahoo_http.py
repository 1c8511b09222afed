"""Yahoo's chart, as yfinance asks for it: cookie, crumb, the time zone of a symbol, bars and events."""

import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
Fault = tuple[int, str] | float  # status and body, or so many seconds without a word


class Asked(NamedTuple):
    """A request: its path, and its query without the crumb."""

    path: str
    query: dict[str, str]


class YahooServer:
    """A server on a free port for the length of a block. `asked` are the requests in the order in which they came.

    `charts` are bodies by symbol; `faults` by symbol are used up first, one a request with a range. With `cuts` an
    answer holds the range that was asked for, else the whole chart.
    """

    def __init__(
        self,
        charts: dict[str, Any],
        *,
        faults: "dict[str, list[Fault]] | None" = None,
        cuts: bool = False,
    ) -> None:
        self._charts, self._faults, self._cuts = charts, faults or {}, cuts
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "YahooServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ranges(self, symbol: str) -> list[Asked]:
        """The requests for a range of a symbol."""
        return [a for a in self.asked if unquote(a.path).endswith(f"/{symbol}") and "period1" in a.query]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answer(self.path)
                if found is None:
                    return
                status, body = found
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body.encode())))
                if status == 404 and not body:
                    self.send_header("Set-Cookie", "A3=d=test; Max-Age=31557600; Path=/")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, target: str) -> tuple[int, str] | None:
        parts = urlsplit(target)
        query = {name: value for name, value in parse_qsl(parts.query) if name != "crumb"}
        symbol = unquote(parts.path.rsplit("/", 1)[-1])
        with self._lock:
            self.asked.append(Asked(parts.path, query))
            waiting = self._faults.get(symbol) if "period1" in query else None
            fault = waiting.pop(0) if waiting else None
        if isinstance(fault, float):
            time.sleep(fault)
            return None
        if fault:
            return fault
        if parts.path.startswith("/v1/test/getcrumb"):
            return 200, "a-crumb"
        if parts.path.startswith("/v8/finance/chart/"):
            if symbol not in self._charts:
                return 404, json.dumps({"chart": {"result": None, "error": NOT_FOUND}})
            told = self._charts[symbol]
            return 200, json.dumps(_cut(told, query) if self._cuts and "period1" in query else told)
        return 404, ""


def chart(
    symbol: str,
    rows: Sequence[tuple[str, float, int]],
    *,
    interval: str = "1d",
    events: dict[str, Any] | None = None,
    session: tuple[str, str] = ("2026-11-25T14:30", "2026-11-25T21:00"),
) -> Any:
    """A chart of (begin in UTC, price, volume); `session` is the regular one of now."""
    prices, volumes = [row[1] for row in rows], [row[2] for row in rows]
    period = {
        "start": _seconds(session[0]),
        "end": _seconds(session[1]),
        "gmtoffset": -18000,
        "timezone": "EST",
    }
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "instrumentType": "EQUITY",
        "gmtoffset": -18000,
        "exchangeTimezoneName": "America/New_York",
        "priceHint": 2,
        "dataGranularity": interval,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "validRanges": ["1d", "max"],
    }
    quote = {"open": prices, "high": prices, "low": prices, "close": prices, "volume": volumes}
    result: dict[str, Any] = {
        "meta": meta,
        "timestamp": [_seconds(row[0]) for row in rows],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": prices}]},
    }
    return {"chart": {"result": [result | ({"events": events} if events else {})], "error": None}}


def _cut(told: Any, query: dict[str, str]) -> Any:
    """The rows of a chart from the one moment to before the other."""
    result = told["chart"]["result"][0]
    begin, end = int(query["period1"]), int(query["period2"])
    wanted = [n for n, at in enumerate(result["timestamp"]) if begin <= at < end]
    quote, adjusted = result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]
    cut = result | {
        "timestamp": [result["timestamp"][n] for n in wanted],
        "indicators": {
            "quote": [{name: [values[n] for n in wanted] for name, values in quote.items()}],
            "adjclose": [{name: [values[n] for n in wanted] for name, values in adjusted.items()}],
        },
    }
    return {"chart": {"result": [cut], "error": None}}


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
