"""What the page counts of itself, for Prometheus."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tapehouse.measuring.catalogue import PAGE
from tapehouse.web.watch import Watch

SENT_WITHIN = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)


class Counts:
    """One server's. Names and meanings are those of the catalogue."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self.registry = CollectorRegistry()
        self.clients = Gauge(*_told("tapehouse_page_clients"), registry=self.registry)
        self.refused = Counter(*_told("tapehouse_page_clients_refused_total"), registry=self.registry)
        self.errors = Counter(*_told("tapehouse_page_errors_total"), registry=self.registry)
        name, says = _told("tapehouse_page_commit_to_sent_seconds")
        self.sent = Histogram(name, says, registry=self.registry, buckets=SENT_WITHIN)
        self.registry.register(_Looks(tuple(watches)))
        ProcessCollector(registry=self.registry)

    def render(self) -> bytes:
        return generate_latest(self.registry)


class _Looks:
    """What each watch counts."""

    def __init__(self, watches: tuple[Watch, ...]) -> None:
        self._watches = watches

    def collect(self) -> Iterator[Metric]:
        looks = CounterMetricFamily(*_told("tapehouse_page_looks_total"), labels=["of"])
        seconds = CounterMetricFamily(*_told("tapehouse_page_look_seconds_total"), labels=["of"])
        unknown = GaugeMetricFamily(*_told("tapehouse_page_unknown"), labels=["of"])
        for watch in self._watches:
            looks.add_metric([watch.name], watch.looks)
            seconds.add_metric([watch.name], watch.seconds)
            unknown.add_metric([watch.name], float(not watch.is_known))
        yield from (looks, seconds, unknown)


def _told(name: str) -> tuple[str, str]:
    return name, PAGE[name].says
