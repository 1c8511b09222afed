"""The page that Prometheus reads: GET /metrics, and nothing else."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from jobs.lake.errors import ServiceError
from tapehouse.measuring.catalogue import METRICS, Sample

PATH = "/metrics"
REQUEST_WITHIN = 10.0  # seconds


class Families:
    """Samples as families, in the order of the catalogue."""

    def __init__(self, samples: Callable[[], Iterable[Sample]]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        by_name = defaultdict(list)
        for sample in self._samples():
            by_name[sample.name].append(sample)
        for name, found in by_name.items():
            known = METRICS[name]
            kind = CounterMetricFamily if known.kind == "counter" else GaugeMetricFamily
            family = kind(name, known.says, labels=known.labels)
            for sample in found:
                family.add_metric(sample.labels, sample.value)
            yield family


def render(samples: Callable[[], Iterable[Sample]]) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(Families(samples))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def cannot_listen(host: str, port: int, error: OSError) -> ServiceError:
    """Why a page is not shown, for whoever chose its address."""
    return ServiceError(
        f"the page cannot be shown at {host}:{port}",
        found=str(error),
        remedy="stop what listens there, or choose another --port or --host",
    )


class Page:
    """A server of the page in threads of its own, from its making until `close`."""

    def __init__(self, host: str, port: int, samples: Callable[[], Iterable[Sample]]) -> None:
        class Handler(_Handler):
            body = staticmethod(lambda: render(samples))

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        self._server.daemon_threads = True
        self.address = f"http://{host}:{self._server.server_address[1]}{PATH}"
        threading.Thread(target=self._server.serve_forever, name="page", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_WITHIN
    server_version, sys_version = "tapehouse", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", "text/plain; charset=utf-8"
    body: Callable[[], bytes]

    def do_GET(self) -> None:
        if self.path.split("?")[0] != PATH:
            self.send_error(404, "the page is /metrics")
            return
        body = self.body()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A scrape is not told of in the log."""
