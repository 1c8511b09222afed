"""python -m tests.bench [BENCH] [options]: measure Tapehouse beside the plain alternatives.

Without a bench: all of them at a moderate size, about 50 minutes. Everything runs on services of its own, on loopback.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from jobs.lake.arguments import at_least_one

DESCRIPTION = (__doc__ or "").partition(": ")[2]
BENCHES = {
    "catch-up": "tests.bench.catch_up",
    "latency": "tests.bench.latency",
    "growth": "tests.bench.growth",
    "load": "tests.bench.load",
    "frames": "tests.bench.frames",
    "history": "tests.bench.history",
    "indicators": "tests.bench.indicators",
    "warehouse": "tests.bench.warehouse",
    "cluster": "tests.bench.cluster",
    "page": "tests.bench.page",
}
MODERATE = (
    ("catch-up", "--messages", "500000"),
    ("latency", "--warm-up", "60", "--seconds", "60"),
    ("growth", "--batches", "250"),
    ("load", "--warm-up", "60", "--seconds", "120", "--burst-seconds", "20", "--after", "60"),
    ("frames", "--rate", "2000", "--seconds", "20"),
    ("history", "--sessions", "100"),
    ("indicators", "--instruments", "600", "--runs", "2"),
    ("warehouse", "--runs", "2"),
    ("cluster", "--messages", "200000", "--runs", "1"),
    ("page", "--seconds", "60"),
)


def main(argv: list[str]) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    # the services are stopped on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    wanted = [argv] if args.bench else MODERATE
    for options in wanted:
        measure(parser.parse_args(options))
    return 0


def measure(args: argparse.Namespace) -> None:
    """Run one bench and hand its report over."""
    from tests.bench.report import hand_over

    json_file, to_page = args.json, args.page
    del args.json, args.page
    hand_over(import_module(BENCHES[args.bench]).run(args), json_file=json_file, to_page=to_page)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.bench", description=DESCRIPTION)
    benches = parser.add_subparsers(dest="bench", metavar="BENCH")

    def bench(name: str, meaning: str) -> argparse.ArgumentParser:
        made = benches.add_parser(name, help=meaning, description=f"Measure {meaning}.")
        number(made, "--seed", 1, "of the tape")
        made.add_argument("--json", type=Path, metavar="FILE", help="default: in .tapehouse/bench")
        made.add_argument("--page", action="store_true", help="put the table into docs/performance.md")
        return made

    add_benches_of_the_stream(bench)
    add_benches_of_history(bench)
    return parser


def add_benches_of_the_stream(bench: Callable[[str, str], argparse.ArgumentParser]) -> None:
    catch_up = bench("catch-up", "how fast a full topic is read, candidates in turn")
    number(catch_up, "--messages", 2_000_000, "in the topic")
    number(catch_up, "--runs", 5, "of each candidate")
    number(catch_up, "--max-offsets", 200_000, "messages in a batch of the stream")

    cluster = bench(
        "cluster", "the same on a Spark master with two workers and three brokers, beside local[2]"
    )
    number(cluster, "--messages", 500_000, "in the topic")
    number(cluster, "--runs", 3, "of each, in turn")
    number(cluster, "--max-offsets", 100_000, "messages in a batch")

    latency = bench("latency", "the time from send to visible at steady rates, candidates in turn")
    rates(latency, 500, 5000, meaning="messages a second")
    number(latency, "--seconds", 180, "that count")
    number(latency, "--warm-up", 120, "seconds before those")
    number(latency, "--runs", 1, "of each candidate and rate")

    growth = bench("growth", "whether small batches become slower or larger over time")
    number(growth, "--batches", 1000, "of 50 events")

    load = bench("load", "the lag under a steady rate and a burst")
    number(load, "--rate", 5000, "messages a second, all the time")
    number(load, "--seconds", 600, "at that rate before the burst")
    number(load, "--warm-up", 120, "seconds of those that count as warm-up")
    number(load, "--burst", 10_000, "more messages a second")
    number(load, "--burst-seconds", 60, "that they go on")
    number(load, "--after", 180, "seconds at the rate after the burst")

    page = bench("page", "the time from a commit in gold to the pixels of a browser, and what the page takes")
    number(page, "--clients", 30, "that look, a real browser among them")
    number(page, "--seconds", 120, "that count, with a commit in each")
    number(page, "--warm-up", 20, "seconds before those")

    frames = bench("frames", "how many frames a second go from Yahoo's socket to Kafka without loss")
    rates(frames, 2000, 3000, 4000, 5000, 6000, meaning="frames a second, one after the other")
    number(frames, "--seconds", 60, "at each rate")


def add_benches_of_history(bench: Callable[[str, str], argparse.ArgumentParser]) -> None:
    history = bench(
        "history", "what a line of daily bars costs from the raw bucket to gold, and ten times as many"
    )
    number(history, "--symbols", 6000, "in a capture")
    number(history, "--sessions", 1000, "captures; a tenth of them comes first")
    indicators = bench("indicators", "how long adjusted prices and indicators of a market's history take")
    number(indicators, "--instruments", 6000, "in the market")
    number(indicators, "--sessions", 1000, "of each")
    number(indicators, "--runs", 3, "of each candidate, in turn")
    warehouse = bench("warehouse", "how fast a table of gold is loaded into the warehouse and proved")
    number(warehouse, "--rows", 1_000_000, "bars of 500 symbols")
    number(warehouse, "--runs", 5, "of each candidate, in turn")


def rates(parser: argparse.ArgumentParser, *default: int, meaning: str) -> None:
    told = f"{meaning} (default: {' '.join(map(str, default))})"
    parser.add_argument("--rate", type=at_least_one, nargs="+", default=list(default), help=told)


def number(parser: argparse.ArgumentParser, name: str, default: int, meaning: str) -> None:
    parser.add_argument(
        name, type=at_least_one, default=default, metavar="N", help=f"{meaning} (default: {default})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
