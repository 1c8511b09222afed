"""The streams of events: every browser is told what it lacks, by arrival; a slow one is told the newest only."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from tapehouse.web.drawing import Drawing, Event

if TYPE_CHECKING:
    from tapehouse.web.bars import Key
    from tapehouse.web.counts import Counts
    from tapehouse.web.health import Health
    from tapehouse.web.market import Market

# a browser hears something every second, so that silence is news; and never more than ten times in one
BEAT_EVERY, QUIET_FOR = 1.0, 0.1
# the boxes are judged anew so often; where they were not for a while, no beat is sent: they must not look current
JUDGED_EVERY, JUDGED_WITHIN = 0.5, 2.5
TEXTS_KEPT = 16
RETRY = 1_000  # milliseconds after which a browser comes again
log = structlog.get_logger()


class Bell:
    """Rung by any thread; whoever waits in the loop goes on."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()

    def ring(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    async def wait(self, seconds: float) -> None:
        rung = self._rung
        try:
            await asyncio.wait_for(rung.wait(), seconds)
        except TimeoutError:
            return

    def _ring(self) -> None:
        before, self._rung = self._rung, asyncio.Event()
        before.set()


class Clients:
    """All streams of one server. What is the same for many is made and written as text once."""

    def __init__(self, market: "Market", health: "Health", counts: "Counts", *, most: int) -> None:
        self.bell = Bell()
        self._market, self._health, self._counts, self._most = market, health, counts, most
        self._open = 0
        self._texts: OrderedDict[tuple[Any, ...], str] = OrderedDict()
        self._boxes: dict[str, str] = {}
        self._judged_at = 0.0
        # loads that hang in the threads of all must not keep the boxes from being judged
        self._judging = ThreadPoolExecutor(1, "judge")

    async def judge(self) -> None:
        """Judge the boxes again and again, until it is cancelled."""
        while True:
            began = time.monotonic()
            try:
                boxes = await asyncio.get_running_loop().run_in_executor(self._judging, self._health.boxes)
            except Exception:
                log.exception("boxes_not_judged")
                self._counts.errors.inc()
            else:
                self._boxes = {box["id"]: json.dumps(box) for box in boxes}
                self._judged_at = began
            await asyncio.sleep(JUDGED_EVERY)

    @property
    def is_full(self) -> bool:
        return self._open >= self._most

    @contextmanager
    def counted(self) -> Generator[None, None, None]:
        """One more, for the length of a block: from when it is let in to when it has gone."""
        self._open += 1
        self._counts.clients.set(self._open)
        try:
            yield
        finally:
            self._open -= 1
            self._counts.clients.set(self._open)

    async def follow(
        self, key: "Key | None", chart: Callable[[], dict[str, Any]] | None
    ) -> AsyncIterator[Event]:
        """All that is there, then what changes: the list of symbols, the boxes, and the bars of `key`."""
        yield {"event": "hello", "data": "{}", "retry": RETRY}
        if key is None or chart is None:
            async for event in self._follow(None):
                yield event
            return
        drawing = Drawing(self._market, key, chart, self._counts.errors.inc)
        self._market.hold(key)
        try:
            async for event in self._follow(drawing):
                yield event
        finally:
            drawing.stop()
            self._market.release(key)

    async def _follow(self, drawing: Drawing | None) -> AsyncIterator[Event]:
        market, arrival, generation, known, beat = self._market, -1, -1, dict[str, str](), 0.0
        while True:
            if generation != market.generation:
                generation, arrival = market.generation, -1
                if drawing is not None:
                    await drawing.begin()
            before, arrival = arrival, market.arrival
            for event in self._of_chart(drawing, arrival) if drawing else ():
                yield event
            if rows := self._list(before, arrival):
                yield {"event": "list", "data": rows}
            if changed := self._changed_boxes(known):
                yield {"event": "health", "data": f"[{','.join(changed)}]"}
            is_judged = time.monotonic() - self._judged_at < JUDGED_WITHIN
            if is_judged and time.monotonic() - beat >= BEAT_EVERY:
                beat = time.monotonic()
                yield {"event": "beat", "data": f"{time.time():.3f}"}
            await asyncio.sleep(QUIET_FOR)
            if arrival == market.arrival:
                await self.bell.wait(max(QUIET_FOR, BEAT_EVERY - (time.monotonic() - beat)))

    def _of_chart(self, drawing: Drawing, arrival: int) -> list[Event]:
        """The chart where it was drawn meanwhile, and the bars that came after it."""
        events, before = drawing.take(), drawing.told
        if before is None:
            return events
        if bars := self._bars(drawing.key, before, arrival):
            events.append({"event": "bars", "data": bars})
            self._count_delay(before)
        drawing.told = max(before, arrival)
        return events

    def _bars(self, key: "Key", before: int, arrival: int) -> str | None:
        if before >= arrival:
            return None

        def make() -> str:
            bars = self._market.bars(key, after=before)
            return json.dumps([bar.wire() for bar in bars]) if bars else ""

        return self._text(("bars", key, before, arrival), make)

    def _list(self, before: int, arrival: int) -> str | None:
        if before == arrival:
            return None

        def make() -> str:
            found = self._market.newest(after=before)
            return json.dumps({"whole": before < 0, "rows": [one.wire(key) for key, one in found]})

        return self._text(("list", before, arrival), make)

    def _text(self, name: tuple[Any, ...], make: Callable[[], str]) -> str:
        """Many browsers lack the same."""
        if name not in self._texts:
            self._texts[name] = make()
            while len(self._texts) > TEXTS_KEPT:
                self._texts.popitem(last=False)
        return self._texts[name]

    def _changed_boxes(self, known: dict[str, str]) -> list[str]:
        """Those that a browser does not know as they are now."""
        changed = [text for name, text in self._boxes.items() if known.get(name) != text]
        known.update(self._boxes)
        return changed

    def _count_delay(self, before: int) -> None:
        committed_at = self._market.committed_after(before)
        if committed_at is not None:
            self._counts.sent.observe(max(0.0, time.time() - committed_at))
