"""Yahoo's price history: asked through yfinance, kept as the bytes that Yahoo sent.

yfinance turns an outage, a page of HTML and a refusal into "possibly delisted" and an empty frame, and remembers errors
for past ranges. So it only asks here: what it was answered is taken at the session that it is given, and judged again.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from curl_cffi import requests as curl

from producers.errors import OutageError, RefusedError, SourceError, UnknownSymbolError

SOURCE = "yahoo"
CHART = "/v8/finance/chart/"
ANSWER_WITHIN = 30.0
TOO_MANY, SERVER_ERROR = 429, 500
# a secret of the session, of no use later
CRUMB = "crumb"


class Chart(NamedTuple):
    """One answer of Yahoo's chart: `request` is its address without the crumb, `body` what was received."""

    request: str
    status: int
    body: bytes


class YahooHistory:
    """Asks for charts. `take` is called before each call that goes out, yfinance's own ones too, and may refuse it.

    `base` is another address than Yahoo's, for all of its hosts.
    """

    def __init__(self, *, take: Callable[[], None], cache: Path, base: str | None = None) -> None:
        import yfinance

        yfinance.config.debug.hide_exceptions = False
        cache.mkdir(parents=True, exist_ok=True)
        yfinance.set_tz_cache_location(str(cache))
        self._yfinance = yfinance
        self._session = _Session(take, base)

    def chart(self, symbol: str, *, interval: str, begin: datetime, end: datetime) -> Chart:
        """The bars from `begin` to before `end`, with the dividends and splits of that time.

        Prices and volumes are split-adjusted by all splits until now. Minutes come with those before and after the
        session.
        """
        # what it remembers of past ranges would hide corrections, and repeat errors
        self._yfinance.data.YfData.cache_get.cache_clear()
        self._session.charts.clear()
        raised: Exception | None = None
        try:
            self._yfinance.Ticker(symbol, session=self._session).history(
                start=begin,
                end=end,
                interval=interval,
                prepost=interval.endswith("m"),
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=ANSWER_WITHIN,
            )
        except Exception as error:  # ruff: ignore[blind-except] - whatever yfinance makes of it: the answer itself is judged
            if self._session.refused is not None:
                raise self._session.refused from None
            raised = error
        charts = self._session.charts
        asked = [chart for chart in charts if "period1=" in chart.request]
        answers = asked or charts
        return _judge(symbol, answers[-1] if answers else None, raised)


class _Session(curl.Session[Any]):
    """What yfinance is given: it keeps the charts that came back."""

    def __init__(self, take: Callable[[], None], base: str | None) -> None:
        super().__init__(impersonate="chrome")
        self._take, self._base = take, base
        self.charts: list[Chart] = []
        self.refused: Exception | None = None

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
        self.refused = None
        try:
            self._take()
        except Exception as error:  # raised again; yfinance may hide it from the caller
            self.refused = error
            raise
        parts = urlsplit(url)
        address = f"{self._base}{parts.path or '/'}?{parts.query}" if self._base else url
        response = super().request(method, address, *args, **options)
        if parts.path.startswith(CHART):
            self.charts.append(
                Chart(_without_crumb(url, options.get("params")), response.status_code, response.content)
            )
        return response


def _without_crumb(url: str, params: Any) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), *(params or {}).items()]
    return f"{parts.path}?{urlencode([(name, value) for name, value in query if name != CRUMB])}"


def _judge(symbol: str, chart: Chart | None, raised: Exception | None) -> Chart:
    """The chart, if it is an answer to the question; else what it is."""
    if chart is None:
        if type(raised).__name__ == "YFRateLimitError":
            raise _refused(symbol, repr(raised))
        raise _outage(symbol, repr(raised))
    if chart.status == TOO_MANY:
        raise _refused(symbol, f"HTTP {chart.status}")
    try:
        content = json.loads(chart.body)["chart"]
        problem = content["error"]
    except (ValueError, KeyError, TypeError):
        raise _outage(symbol, f"HTTP {chart.status}: {chart.body[:80]!r}") from None
    if problem and chart.status < SERVER_ERROR:
        raise UnknownSymbolError(
            f"Yahoo gives nothing of {symbol}",
            found=f"{problem.get('code')}: {problem.get('description')}",
            remedy="look at its vendor_symbols in conf/instruments.yaml, and at the range",
        )
    if problem or not content.get("result") or "period1=" not in chart.request:
        raise _outage(symbol, f"HTTP {chart.status}: {problem or raised!r}")
    return chart


def _refused(symbol: str, found: str) -> SourceError:
    return RefusedError(f"Yahoo refuses {symbol}", found=found, remedy="leave it alone for a while")


def _outage(symbol: str, found: str) -> SourceError:
    return OutageError(
        f"Yahoo gives no usable answer for {symbol}", found=found[:200], remedy="try again later"
    )
