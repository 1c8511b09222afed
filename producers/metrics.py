"""Counters of the producers for Prometheus, and the page that shows them."""

from prometheus_client import Counter, Gauge, start_http_server

FRAMES = Counter("tapehouse_frames", "frames received from a source's stream", ["source"])
QUOTES = Counter("tapehouse_quotes", "frames that were decoded to a quote", ["source"])
UNDECODED = Counter(
    "tapehouse_frames_undecoded", "frames that were not, and were sent as they came", ["source"]
)
UNKNOWN_FIELDS = Counter(
    "tapehouse_fields_unknown", "frames that held a field that nobody knew of", ["source", "field"]
)
FRAME_PROBLEMS = Counter(
    "tapehouse_frames_drifted",
    "frames that had lost a field, or had it with another type",
    ["source", "problem"],
)
RECONNECTS = Counter("tapehouse_reconnects", "connections that ended, by how", ["source", "end"])
SINCE_LAST_FRAME = Gauge(
    "tapehouse_seconds_since_last_frame", "of the source's connection that is silent for longest", ["source"]
)
CALLS_LEFT = Gauge(
    "tapehouse_calls_left", "calls that a source may still be asked today", ["source", "purpose"]
)
ALERTS_OPEN = Gauge("tapehouse_alert_open", "open alerts of the ledger", ["name"])


def serve(port: int, *, host: str = "127.0.0.1") -> None:
    """Show the counters at http://HOST:PORT/metrics for as long as this process runs."""
    start_http_server(port, addr=host)
