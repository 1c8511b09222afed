"""`tapehouse demo`: a trading session through Kafka into bronze, silver, gold and the warehouse, checked."""

import argparse
import json
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.lake.arguments import add_batch_arguments
from tapehouse.interruptions import heed, undisturbed
from tapehouse.paths import DEMO
from tapehouse.produce import add_tape_arguments, make_tape, pace_of

if TYPE_CHECKING:
    from producers.tape import Delivery
    from tapehouse.progress import Progress
    from tapehouse.services.instance import Instance
    from tapehouse.stream_job import StreamJob

STEPS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tape_arguments(parser)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the services up, with the live page, to be queried until `make down`",
    )
    add_batch_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 only if every invariant holds."""
    from tapehouse.services.lock import sole_use

    _refuse_beside_others(args)
    with sole_use(DEMO):
        return _demo(args)


def _demo(args: argparse.Namespace) -> int:
    from tapehouse.demo_summary import show, summarise
    from tapehouse.page_program import start_page
    from tapehouse.progress import Progress
    from tapehouse.services.instance import Instance

    heed()
    progress = Progress(STEPS)
    previous = Instance(DEMO)
    previous.stop()
    previous.remove()
    with _instance(keep=args.keep) as instance:
        os.environ.update(instance.environment() | {"WAREHOUSE": "duckdb"})
        with _stream_job(instance, args, progress) as job:
            progress.step("services: PostgreSQL, S3 store, Kafka; spark-submit starts beside them")
            instance.start(progress.detail)
            tape = make_tape(args)
            progress.step(f"tape: {len(tape):,} messages, {_what(args, tape)}")
            job.wait_until_ready()
            seconds = _send(tape, args, progress)
            job.drain()
        job.must_have_ended_well()
        warehouse = _load(progress)
        summary = _check(progress, tape, seconds, summarise) | {"warehouse": warehouse}
        if args.keep:
            summary["page"] = start_page(instance)
        if args.json:
            print(json.dumps(summary, default=str, indent=1))
        else:
            show(summary, kept=args.keep)
    return 0 if summary["invariants"]["hold"] and summary["warehouse"]["equal"] else 1


def _refuse_beside_others(args: argparse.Namespace) -> None:
    from jobs.lake.errors import UsageError
    from tapehouse.services.instance import find_running

    running = find_running()
    if args.keep and running is not None and running.folder != DEMO:
        raise UsageError(
            "the services of `make up` are up: the commands could not tell which of the two you mean",
            found=str(running.folder),
            remedy="stop them first (`make down`), or leave KEEP away",
        )


@contextmanager
def _instance(*, keep: bool) -> "Generator[Instance, None, None]":
    """The demo's own services; stopped at the end, unless they are to be kept and nothing went wrong."""
    from tapehouse.services.instance import Instance

    instance = Instance(DEMO)
    kept = False
    try:
        yield instance
        kept = keep
    finally:
        if not kept:
            with undisturbed():
                instance.stop()


@contextmanager
def _stream_job(
    instance: "Instance", args: argparse.Namespace, progress: "Progress"
) -> "Generator[StreamJob, None, None]":
    """`spark-submit jobs/stream_quotes.py`; stopped at the end."""
    from tapehouse.stream_job import JOB, QUICK_START, StreamJob

    job = StreamJob(instance, args, progress, conf=[QUICK_START])
    try:
        yield job
    except KeyboardInterrupt:
        progress.detail("stopping: the stream after its batch, then the services")
        raise
    finally:
        with undisturbed():
            instance.stop_job(JOB)


def _send(tape: "list[Delivery]", args: argparse.Namespace, progress: "Progress") -> float:
    """Send the tape at its pace; how long it took."""
    from jobs.lake.settings import read_settings
    from producers.kafka_sink import KafkaSink
    from producers.replay import replay
    from tapehouse.demo_summary import newest_bar
    from tapehouse.ledger import LedgerReader

    settings = read_settings()
    progress.step("send: the tape to Kafka, bars being built meanwhile")
    began = time.monotonic()
    ledger = LedgerReader(settings)
    with (
        KafkaSink(kafka=settings.kafka, topic=settings.topic, refused_file=DEMO / "refused.jsonl") as sink,
        progress.bar(len(tape)) as bar,
    ):
        for delivery in replay(tape, speed=pace_of(args, tape)):
            sink.send(delivery.message)
            bar.advance(ledger.batches, lambda: newest_bar(settings))
    ledger.close()
    seconds = time.monotonic() - began
    progress.detail(f"{sink.acknowledged:,} acknowledged, {sink.refused} refused ({seconds:.1f} s)")
    return seconds


def _load(progress: "Progress") -> dict[str, Any]:
    """Load the bars into the demo's own warehouse, and compare the two."""
    from jobs.lake.program import log_as_key_values
    from jobs.lake.settings import read_settings
    from jobs.lake.tables import GOLD_BARS_1M
    from jobs.warehouse.connect import open_reader
    from jobs.warehouse.reconcile import reconcile_table
    from jobs.warehouse.run import load_tables
    from jobs.warehouse.tell import tell

    progress.step("load: gold into the warehouse (a DuckDB file), and compare the two")
    log_as_key_values(only_warnings=True)
    settings = read_settings()
    (loaded,) = load_tables(settings, [GOLD_BARS_1M])
    progress.detail(tell(loaded))
    with open_reader(settings) as warehouse:
        compared = reconcile_table(settings, warehouse, GOLD_BARS_1M)
    receipt = loaded.receipt
    return {
        "table": receipt.table_name,
        "version": receipt.to_version,
        "rows": receipt.rows_total,
        "columns": len(receipt.columns),
        "load_id": receipt.load_id,
        "equal": compared is not None and compared.ok,
    }


def _check(progress: "Progress", tape: "list[Delivery]", seconds: float, summarise: Any) -> dict[str, Any]:
    """Verify everything from bronze up, and add up what was seen."""
    from datetime import date

    from jobs.lake.settings import read_settings
    from tapehouse.ledger import LedgerReader
    from tapehouse.verify import verify

    progress.step("verify: invariants 1 to 3, by another engine")
    began = time.monotonic()
    settings = read_settings()
    report = verify(settings, first=date(2000, 1, 1), last=date(9999, 1, 1))
    for check in report.checks:
        progress.detail(f"{'ok' if check.ok else 'FAILED'}: {check.statement}")
        for example in check.examples:
            print(f"      {example}", file=sys.stderr)
    progress.step(f"summary ({time.monotonic() - began:.1f} s for the check)")
    ledger = LedgerReader(settings)
    summary = summarise(settings, report, ledger.batches(), tape=tape, seconds=seconds)
    ledger.close()
    return dict(summary)


def _what(args: argparse.Namespace, tape: "list[Delivery]") -> str:
    kinds = {kind: sum(delivery.kind == kind for delivery in tape) for kind in ("duplicate", "malformed")}
    origin = f"recorded ({args.recording.name})" if args.recording else "generated"
    return f"{origin}, {kinds['duplicate']} duplicates and {kinds['malformed']} malformed among them"
