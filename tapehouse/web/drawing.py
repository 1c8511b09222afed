"""A chart that is drawn beside the stream of its browser: what else changes does not wait for it."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from tapehouse.web.bars import Key
    from tapehouse.web.market import Market

FIRST_WITHIN = 2.0  # seconds in which a chart comes before all else
AGAIN_AFTER = 5.0  # seconds after one that failed
Event = dict[str, str | int]
log = structlog.get_logger()


class Drawing:
    """The chart of one stream. `told` is the arrival of the last bar that its browser knows, None before any."""

    def __init__(
        self, market: "Market", key: "Key", chart: Callable[[], dict[str, Any]], failed: Callable[[], None]
    ) -> None:
        self.key, self._market, self._chart, self._failed = key, market, chart, failed
        self._events: list[Event] = []
        self._task: asyncio.Task[None] | None = None
        self.told: int | None = None

    async def begin(self) -> None:
        """Draw it anew; awaited for a moment, so that it comes first where all is well."""
        self.stop()
        self._events, self.told = [], None
        is_said = asyncio.Event()
        self._task = asyncio.create_task(self._draw(is_said))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(is_said.wait(), FIRST_WITHIN)

    def take(self) -> list[Event]:
        """What is to be told of it."""
        events, self._events = self._events, []
        return events

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _draw(self, is_said: asyncio.Event) -> None:
        while self.told is None:
            try:
                told, text = await asyncio.to_thread(self._make)
            except Exception as error:
                log.exception("chart_failed", key=self.key)
                self._failed()
                why = f"the chart cannot be drawn: {type(error).__name__}; see the page's log"
                self._events.append({"event": "chart-failed", "data": json.dumps(why)})
                is_said.set()
                await asyncio.sleep(AGAIN_AFTER)
            else:
                self._events.append({"event": "chart", "data": text})
                self.told = told
        is_said.set()

    def _make(self) -> tuple[int, str]:
        self._market.load(self.key)
        arrival = self._market.arrival
        return arrival, json.dumps(self._chart())
