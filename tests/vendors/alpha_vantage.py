"""Alpha Vantage's one address: keys, a daily limit, a limit a second, premium calls, and faults as scripted."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.secret_search import look_at_command_lines

# as users quote them in public threads
BURST = (
    "Please consider spreading out your free API requests more sparingly (1 request per second). You may subscribe to "
    "any of the premium plans to lift the free key rate limit (25 requests per day)"
)
DAY = "We have detected your API key as {key} and our standard API rate limit is 25 requests per day."
FULL_IS_PREMIUM = (
    "Thank you for using Alpha Vantage! The outputsize=full parameter value is a premium feature for the "
    "TIME_SERIES_DAILY endpoint."
)
PREMIUM = "Thank you for using Alpha Vantage! This is a premium endpoint."
NO_KEY = "the parameter apikey is invalid or missing."
UNKNOWN = "Invalid API call. Please retry or visit the documentation for {function}."
Fault = tuple[int, str, str]  # status, content type, body


class AlphaVantageServer:
    """A server on a free port for the length of a block. `asked` are the queries in the order in which they came.

    `answers` are bodies by (function, symbol); `faults` are used up first, one a query. `new_day` forgets the count.
    """

    def __init__(
        self,
        answers: dict[tuple[str, str], Any],
        *,
        key: str = "right-key",
        a_day: int = 25,
        a_second: float | None = None,
        premium: tuple[str, ...] = (),
        faults: "list[Fault | float] | None" = None,
    ) -> None:
        self._answers, self._key, self._a_day, self._a_second = answers, key, a_day, a_second
        self._premium, self._faults = premium, faults or []
        self._lock = threading.Lock()
        self._last = 0.0
        self.asked: list[dict[str, str]] = []
        self.counted: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/query?"

    def __enter__(self) -> "AlphaVantageServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def new_day(self) -> None:
        with self._lock:
            self.counted.clear()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                found = answer(query)
                if found is None:
                    return
                status, kind, body = found
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _answer(self, query: dict[str, str]) -> Fault | None:
        look_at_command_lines()
        with self._lock:
            self.asked.append(query)
            fault = self._faults.pop(0) if self._faults else None
        if isinstance(fault, float):  # so long without a word, then an end
            time.sleep(fault)
            return None
        return fault or (200, "application/json", json.dumps(self._judge(query)))

    def _judge(self, query: dict[str, str]) -> Any:
        function, symbol, key = query["function"], query.get("symbol", ""), query.get("apikey", "")
        if key != self._key:
            return {"Error Message": NO_KEY}
        with self._lock:
            now = time.monotonic()
            if self._a_second and now - self._last < 1 / self._a_second:
                return {"Information": BURST}
            self._last = now
            self.counted[key] += 1
            if self.counted[key] > self._a_day:
                return {"Information": DAY.format(key=key)}
        if function in self._premium:
            return {"Information": PREMIUM}
        if (function, symbol) in self._answers:
            return self._answers[function, symbol]
        return {} if function == "GLOBAL_QUOTE" else {"Error Message": UNKNOWN.format(function=function)}
